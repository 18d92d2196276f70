import type { BoundedConsumer } from './bounded-consumer.ts';
import { boundConsumer } from './bounded-consumer.ts';
import type { Log } from '../../common/log.ts';
import { createStreamProcess } from '../runtime/process.ts';
import type { ReplayOptions } from './replay-options.ts';
import { refused } from './replay-plan.ts';
import type { ReplayStart } from './replay-plan.ts';
import type { Positions, ShadowPlace } from './shadow-tables.ts';

/** The processor at work on the copies. */
export interface ReplayProcess {
  /** Lets it go on to these offsets. */
  raise(limits: Positions): void;
  /** Throws what ended it, if anything did. */
  check(): void;
  stop(): Promise<void>;
}

export async function startReplayProcess(
  options: ReplayOptions,
  place: ShadowPlace,
  starts: readonly ReplayStart[],
  limits: Positions,
): Promise<ReplayProcess> {
  const { processor, log } = options;
  const { topic } = place;
  const first = new Map(starts.map((start) => [start.partition, start.from]));
  const known = new Map([...limits].filter(([partition]) => first.has(partition)));
  let bounded: BoundedConsumer | null = null;
  let failure: Error | null = null;

  // A partition that stops on its own ends the replay: nobody is to decide anything about it.
  const replayLog: Log = {
    debug: (fields) => {
      log.debug(fields);
    },
    info: (fields) => {
      log.debug(fields);
    },
    warn: (fields) => {
      log.warn({ ...fields, replay: place.consumerName });
    },
    error: (fields) => {
      failure ??= refused(`${place.consumerName} stopped: ${String(fields['reason'])}`);
    },
  };
  const streams = await createStreamProcess({
    processors: [processor],
    brokers: options.brokers,
    kafkaClient: options.kafkaClient,
    registryUrl: options.registryUrl,
    postgresUrl: options.postgresUrl,
    settings: options.settings,
    log: replayLog,
    failpoint: () => undefined,
    shadow: {
      schema: place.replayed,
      suffix: place.consumerName.slice(processor.name.length),
      firstOffset: (partition) => first.get(partition),
      bound(consumer) {
        bounded = boundConsumer(consumer, topic, known);
        return bounded.consumer;
      },
    },
  });
  const running = streams.run().catch((error: unknown) => {
    failure ??= error as Error;
  });
  return {
    raise(higher) {
      bounded?.raise(new Map([...higher].filter(([partition]) => first.has(partition))));
    },
    check() {
      if (failure !== null) throw failure;
    },
    async stop() {
      await streams.stop();
      await running;
    },
  };
}
