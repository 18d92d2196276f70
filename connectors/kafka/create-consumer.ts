import { MarqueeError } from '../../common/error.ts';
import { createKafkajsConsumer } from './kafkajs/consumer.ts';
import type { ConsumerOptions, KafkaConsumer } from './port.ts';

export type KafkaClientName = 'kafkajs' | 'rdkafka';

/**
 * A consumer by the client of that name. node-rdkafka is native and is loaded only when asked for:
 * where it isn't built, this throws MarqueeError MARQUEE_RDKAFKA_MISSING.
 */
export async function createConsumer(
  client: KafkaClientName,
  options: ConsumerOptions,
): Promise<KafkaConsumer> {
  if (client === 'kafkajs') return createKafkajsConsumer(options);
  const { createRdkafkaConsumer } = await import('./rdkafka/consumer.ts').catch(
    (cause: unknown) => {
      throw new MarqueeError(
        'MARQUEE_RDKAFKA_MISSING',
        'node-rdkafka is not built here: install a C++ compiler, make and python3 and run ' +
          '"npm rebuild node-rdkafka", or read with MARQUEE_KAFKA_CLIENT=kafkajs.',
        { cause },
      );
    },
  );
  return createRdkafkaConsumer(options);
}
