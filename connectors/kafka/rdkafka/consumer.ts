import { backoffMs } from '../../../common/backoff.ts';
import { createFaultThrottle } from '../fault-throttle.ts';
import { createSubscriptionState, startAt } from '../subscription-state.ts';
import { createLogClient } from '../log-client.ts';
import type { ConsumerHandlers, ConsumerOptions, KafkaConsumer } from '../port.ts';
import { openMembership } from './membership.ts';
import type { Membership } from './membership.ts';
import { createSignal } from '../../../common/signal.ts';
import { createTopicIdentity } from '../topic-identity.ts';

const REJOIN = { firstMs: 250, maxMs: 10_000 };

/**
 * Reads Kafka by librdkafka: cooperative rebalancing, which waits for the drain, and static
 * membership. Load by create-consumer.ts: the addon isn't built everywhere.
 */
export function createRdkafkaConsumer(options: ConsumerOptions): KafkaConsumer {
  const held = createSubscriptionState(options.topic);
  const quiet = createFaultThrottle();
  const log = createLogClient({ brokers: [...options.brokers], clientId: options.clientId });
  const identity = createTopicIdentity(options.topic, log);
  const wakeup = createSignal();
  let session: Membership | undefined;
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const run = async (handlers: ConsumerHandlers): Promise<void> => {
    const fault = quiet(handlers.fault);
    for (let failures = 0; stopping === undefined; failures += 1) {
      try {
        session = await openMembership({ options, held, identity, log, handlers, fault });
        break;
      } catch (error) {
        fault(error instanceof Error ? error : new Error(String(error)));
        await wakeup.wait(backoffMs(REJOIN, failures + 1));
      }
    }
    try {
      if (stopping === undefined) await session?.ended;
    } finally {
      await session?.close();
    }
  };

  const stop = async (): Promise<void> => {
    wakeup.raise();
    await session?.close();
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
      if (entry !== undefined) startAt(entry, offset);
    },
    pause: ({ partition }) => {
      const entry = reading(partition);
      if (entry !== undefined) entry.paused = true;
    },
    resume: ({ partition }) => {
      const entry = reading(partition);
      if (entry !== undefined) entry.paused = false;
    },
    commit: async (offsets) => {
      const known = offsets.filter(({ partition }) => held.get(partition) !== undefined);
      if (known.length > 0) await session?.client.commit(known);
    },
    bounds: log.bounds,
    stop: () => (stopping ??= stop()),
  };
}
