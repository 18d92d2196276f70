import { setTimeout as delay } from 'node:timers/promises';
import { asError } from '../../../common/error.ts';
import { decodedBatch } from '../decoded-batch.ts';
import { TOPIC_REPLACED } from '../log-loss.ts';
import type { LogLoss } from '../log-loss.ts';
import type { FetchedBatch } from '../port.ts';
import type { SubscribedPartition, SubscriptionState } from '../subscription-state.ts';
import type { TopicIdentity } from '../topic-identity.ts';
import { chunksOf, isStale } from './chunks.ts';
import type { Chunk } from './chunks.ts';
import type { Consumed, RdkafkaClient } from './client.ts';

const RETRY_MS = 250;

export interface IntakeParts {
  readonly subscription: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly client: RdkafkaClient;
  /** Has librdkafka been told of this partition's last start? Until then what comes is older. */
  readonly isLive: (subscribed: SubscribedPartition) => boolean;
  readonly deliver: (batch: FetchedBatch) => void;
  readonly outOfLog: (subscribed: SubscribedPartition, loss: LogLoss) => void;
  readonly fault: (error: Error) => void;
  readonly fail: (error: unknown) => void;
  /** Bytes that may wait here to be verified before no more are taken. */
  readonly bytesMax: number;
}

export interface Intake {
  /**
   * Takes what one call to consume brought; delivers it once the topic is proven to be the same.
   */
  take(consumed: Consumed): void;
  /** Hands over what came in while the partition was paused. */
  flush(subscribed: SubscribedPartition): void;
  readonly full: boolean;
  /** Settles when nothing waits to be verified. */
  settled(): Promise<void>;
  stop(): void;
}

/**
 * librdkafka reads on at the same offset when a topic is deleted, made again and filled past it,
 * and says nothing. So whatever was consumed is delivered only after the topic's id was looked up
 * afterwards and found to be the one that reading began on: ids never come back.
 */
export function createIntake(parts: IntakeParts): Intake {
  const { subscription, fail } = parts;
  let pending: Chunk[] = [];
  let pendingBytes = 0;
  let verifying: Promise<void> | undefined;
  let stopped = false;
  const isStopped = (): boolean => stopped;

  const verify = async (): Promise<void> => {
    while (pending.length > 0 && !isStopped()) {
      const chunks = pending;
      pending = [];
      pendingBytes = 0;
      const gone = await prove(parts, chunks, isStopped);
      for (const chunk of chunks) {
        if (isStopped() || isStale(chunk)) continue;
        if (gone.has(chunk.subscribed.partition)) parts.outOfLog(chunk.subscribed, TOPIC_REPLACED);
        else deliver(parts, chunk);
      }
    }
    verifying = undefined;
  };

  return {
    take: (consumed) => {
      const chunks = chunksOf(consumed, (partition) => {
        const subscribed = subscription.get(partition);
        return subscribed?.phase === 'reading' && parts.isLive(subscribed) ? subscribed : undefined;
      });
      for (const chunk of chunks) pending.push(chunk);
      pendingBytes += consumed.messages.reduce((sum, { size }) => sum + size, 0);
      if (pending.length > 0) verifying ??= verify().catch(fail);
    },
    flush: (subscribed) => {
      const { undelivered } = subscribed;
      subscribed.undelivered = undefined;
      if (undelivered !== undefined) parts.deliver(undelivered);
    },
    get full() {
      return pendingBytes > parts.bytesMax;
    },
    settled: async () => verifying,
    stop: () => {
      stopped = true;
      pending = [];
    },
  };
}

async function prove(
  parts: IntakeParts,
  chunks: readonly Chunk[],
  isStopped: () => boolean,
): Promise<ReadonlySet<number>> {
  const partitions = [...new Set(chunks.map(({ subscribed }) => subscribed.partition))];
  while (!isStopped()) {
    try {
      const gone = await parts.identity.gone(partitions);
      if (gone !== undefined) return gone;
    } catch (error) {
      parts.fault(asError(error));
    }
    await delay(RETRY_MS);
  }
  return new Set();
}

function deliver(parts: IntakeParts, { subscribed, from, next, records }: Chunk): void {
  const { topic, partition, undelivered } = subscribed;
  const logEnd = Math.max(next, parts.client.logEnd(partition));
  const batch: FetchedBatch =
    undelivered === undefined
      ? decodedBatch({ topic, partition, from, next, logEnd }, records)
      : decodedBatch({ ...undelivered, next, logEnd }, [...undelivered.records(), ...records]);
  subscribed.undelivered = subscribed.paused ? batch : undefined;
  if (!subscribed.paused) parts.deliver(batch);
}
