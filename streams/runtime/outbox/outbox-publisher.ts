import { createPublisher } from '../../../sdk/src/publisher.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import type { Publish } from '../declared.ts';

/** An outbox is tried again when Kafka has not answered for so long. */
const DELIVERY_TIMEOUT_MS = 10_000;

export interface OutboxPublisher {
  readonly publish: Publish;
  close(): Promise<void>;
}

/** Outboxes are published as apps publish, by the SDK: at the first call it connects. */
export function createOutboxPublisher(options: {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Of the outboxes. */
  readonly topics: readonly TopicName[];
}): OutboxPublisher {
  const { topics, ...cluster } = options;
  let publisher: ReturnType<typeof createPublisher> | null = null;
  return {
    async publish(topic, messages) {
      publisher ??= createPublisher(
        {
          ...cluster,
          clientId: 'marquee-outbox',
          lingerMs: 0,
          deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
          whenFull: 'wait',
        },
        topics,
      );
      const out = publisher;
      const due: Promise<void>[] = [];
      for (const { key, value } of messages) {
        const delivery = out.publish(topic, key, value);
        // Room in its memory first: an outbox may hold more than fits.
        await delivery.accepted;
        due.push(delivery.delivered);
      }
      await Promise.all(due);
    },
    async close() {
      await publisher?.close({ timeoutMs: DELIVERY_TIMEOUT_MS });
    },
  };
}
