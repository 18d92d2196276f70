import type { BenchStack } from './stack.ts';

/** What the bench uses of the SDK's producer. */
export interface BenchProducer {
  impression(action: { userId: string; movieId: number }): {
    readonly eventId: string;
    readonly delivered: Promise<void>;
  };
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A producer of the SDK with its defaults, connected. */
export async function openProducer(
  stack: Pick<BenchStack, 'brokers' | 'registryUrl'>,
): Promise<BenchProducer> {
  const module = '../../sdk/src/index.ts';
  const { createProducer } = (await import(module)) as {
    createProducer(options: object): BenchProducer & { ready: Promise<void> };
  };
  const producer = createProducer({
    app: 'bench',
    brokers: stack.brokers,
    registryUrl: stack.registryUrl,
  });
  await producer.ready;
  return producer;
}
