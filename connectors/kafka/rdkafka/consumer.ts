import { backoffMs } from '../../../common/backoff.ts';
import { asError } from '../../../common/error.ts';
import { createSignal } from '../../../common/signal.ts';
import { createFaultThrottle } from '../fault-throttle.ts';
import { createLogClient } from '../log-client.ts';
import type { ConsumerHandlers, ConsumerOptions, KafkaConsumer } from '../port.ts';
import { createSubscriptionState } from '../subscription-state.ts';
import { createTopicIdentity } from '../topic-identity.ts';
import { openMembership } from './membership.ts';
import type { Membership } from './membership.ts';

const REJOIN = { firstMs: 250, maxMs: 10_000 };

/**
 * Reads Kafka by librdkafka: cooperative rebalancing, which waits for the drain, and static
 * membership. Load by create-consumer.ts: the addon isn't built everywhere.
 */
export function createRdkafkaConsumer(options: ConsumerOptions): KafkaConsumer {
  const subscription = createSubscriptionState(options.topic);
  const throttle = createFaultThrottle();
  const log = createLogClient({ brokers: [...options.brokers], clientId: options.clientId });
  const identity = createTopicIdentity(options.topic, log);
  const wakeup = createSignal();
  let membership: Membership | undefined;
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const run = async (handlers: ConsumerHandlers): Promise<void> => {
    const fault = throttle(handlers.fault);
    for (let failures = 0; stopping === undefined; failures += 1) {
      try {
        membership = await openMembership({
          options,
          subscription,
          identity,
          log,
          handlers,
          fault,
        });
        break;
      } catch (error) {
        fault(asError(error));
        await wakeup.wait(backoffMs(REJOIN, failures + 1));
      }
    }
    try {
      if (stopping === undefined) await membership?.ended;
    } finally {
      await membership?.close();
    }
  };

  const stop = async (): Promise<void> => {
    wakeup.raise();
    await membership?.close();
    await running?.catch(() => undefined);
    await log.close();
  };

  return {
    run: (handlers) => (running ??= run(handlers)),
    start: ({ partition }, offset) => {
      subscription.start(partition, offset);
    },
    pause: ({ partition }) => {
      subscription.pause(partition);
    },
    resume: ({ partition }) => {
      subscription.resume(partition);
    },
    commit: async (offsets) => {
      const known = offsets.filter(({ partition }) => subscription.get(partition) !== undefined);
      if (known.length > 0) await membership?.client.commit(known);
    },
    bounds: log.bounds,
    stop: () => (stopping ??= stop()),
  };
}
