import { backoffMs } from '../../../common/backoff.ts';
import kafkajs from 'kafkajs';
import type { KafkaConfig } from 'kafkajs';
import { createFaultThrottle } from '../fault-throttle.ts';
import { createSubscriptionState, startAt } from '../subscription-state.ts';
import { createFetcher } from './fetcher.ts';
import { openMembership } from './membership.ts';
import type { Membership } from './membership.ts';
import { createLogClient } from '../log-client.ts';
import type { ConsumerHandlers, ConsumerOptions, KafkaConsumer } from '../port.ts';
import { createSignal } from '../../../common/signal.ts';
import { createTopicIdentity } from '../topic-identity.ts';

const REJOIN = { firstMs: 250, maxMs: 10_000 };
/**
 * Reads Kafka by kafkajs: its connections, its group membership, and the fetching of
 * kafkajs-reader.ts. See docs/adr for why kafkajs's own fetching isn't used.
 */
export function createKafkajsConsumer(options: ConsumerOptions): KafkaConsumer {
  const { topic } = options;
  const held = createSubscriptionState(topic);
  let report: (error: Error) => void = () => undefined;
  const fault = createFaultThrottle()((error) => {
    report(error);
  });
  const kafka = kafkaConfig(options);
  const log = createLogClient(kafka);
  const identity = createTopicIdentity(topic, log);
  const wakeup = createSignal();
  let session: Membership | undefined;
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const open = (handlers: ConsumerHandlers): Membership => {
    const opened: Membership = openMembership({
      options,
      kafka,
      held,
      handlers,
      fault,
      createReader: (refreshMetadata) =>
        createFetcher({
          options,
          subscription: held,
          identity,
          log,
          fault,
          refreshMetadata,
          deliver: handlers.batch,
          outOfLog: handlers.offsetOutOfLog,
        }),
    });
    return opened;
  };

  const run = async (handlers: ConsumerHandlers): Promise<void> => {
    report = handlers.fault;
    for (let failures = 0; stopping === undefined; failures += 1) {
      session = open(handlers);
      const failure = await session.ended;
      if (failure === undefined) return;
      await session.close(!failure.fatal);
      if (failure.fatal) throw failure.error;
      if (session.joined) failures = 0;
      fault(failure.error);
      await wakeup.wait(backoffMs(REJOIN, failures + 1));
    }
  };

  const stop = async (): Promise<void> => {
    wakeup.raise();
    await session?.close(false);
    await running?.catch(() => undefined);
    await log.close();
  };

  const reading = (partition: number) => {
    const entry = held.get(partition);
    return entry?.phase === 'reading' ? entry : undefined;
  };

  return {
    run: (handlers) => (running ??= run(handlers)),
    start: ({ partition }, offset) => {
      const entry = held.get(partition);
      if (entry === undefined) return;
      startAt(entry, offset);
      session?.wake();
    },
    pause: ({ partition }) => {
      const entry = reading(partition);
      if (entry !== undefined) entry.paused = true;
    },
    resume: ({ partition }) => {
      const entry = reading(partition);
      if (entry === undefined) return;
      entry.paused = false;
      session?.wake();
    },
    commit: async (offsets) => {
      const known = offsets.filter(({ partition }) => held.get(partition) !== undefined);
      if (known.length === 0) return;
      await session?.consumer.commitOffsets(
        known.map(({ partition, next }) => ({ topic, partition, offset: String(next) })),
      );
    },
    bounds: log.bounds,
    stop: () => (stopping ??= stop()),
  };
}

function kafkaConfig(options: ConsumerOptions): KafkaConfig {
  return {
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    retry: { retries: 2, initialRetryTime: 100, factor: 0.2, multiplier: 2, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.ERROR,
  };
}
