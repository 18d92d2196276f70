import kafkajs from 'kafkajs';
import type { KafkaConfig } from 'kafkajs';
import { backoffMs } from '../../../common/backoff.ts';
import { createSignal } from '../../../common/signal.ts';
import { createFaultThrottle } from '../fault-throttle.ts';
import { createLogClient } from '../log-client.ts';
import type { ConsumerHandlers, ConsumerOptions, KafkaConsumer } from '../port.ts';
import { createSubscriptionState } from '../subscription-state.ts';
import { createTopicIdentity } from '../topic-identity.ts';
import { createFetcher } from './fetcher.ts';
import { openMembership } from './membership.ts';
import type { Membership } from './membership.ts';

const REJOIN = { firstMs: 250, maxMs: 10_000 };

/**
 * Reads Kafka by kafkajs: its connections, its group membership, and the fetching of fetcher.ts.
 * See docs/adr for why kafkajs's own fetching isn't used.
 */
export function createKafkajsConsumer(options: ConsumerOptions): KafkaConsumer {
  const { topic } = options;
  const kafka = kafkaConfig(options);
  const subscription = createSubscriptionState(topic);
  const throttle = createFaultThrottle();
  const log = createLogClient(kafka);
  const identity = createTopicIdentity(topic, log);
  const wakeup = createSignal();
  let membership: Membership | undefined;
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const run = async (handlers: ConsumerHandlers): Promise<void> => {
    const fault = throttle(handlers.fault);
    const { batch: deliver, offsetOutOfLog } = handlers;
    const facts = { options, subscription, fault };
    for (let failures = 0; stopping === undefined; failures += 1) {
      membership = openMembership({
        ...facts,
        kafka,
        handlers,
        createFetcher: (refreshMetadata) =>
          createFetcher({ ...facts, identity, log, refreshMetadata, deliver, offsetOutOfLog }),
      });
      const failure = await membership.ended;
      if (failure === undefined) return;
      await membership.close(!failure.fatal);
      if (failure.fatal) throw failure.error;
      if (membership.joined) failures = 0;
      fault(failure.error);
      await wakeup.wait(backoffMs(REJOIN, failures + 1));
    }
  };

  const stop = async (): Promise<void> => {
    wakeup.raise();
    await membership?.close(false);
    await running?.catch(() => undefined);
    await log.close();
  };

  return {
    run: (handlers) => (running ??= run(handlers)),
    start: ({ partition }, offset) => {
      subscription.start(partition, offset);
      membership?.wakeup();
    },
    pause: ({ partition }) => {
      subscription.pause(partition);
    },
    resume: ({ partition }) => {
      subscription.resume(partition);
      membership?.wakeup();
    },
    commit: async (offsets) => {
      const known = offsets.filter(({ partition }) => subscription.get(partition) !== undefined);
      if (known.length === 0) return;
      await membership?.consumer.commitOffsets(
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
