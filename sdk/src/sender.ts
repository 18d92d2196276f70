import { MarqueeError } from '../../common/error.ts';
import { steadyNow } from '../../common/steady-clock.ts';
import { createBrokerRequests } from './broker-requests.ts';
import type { DeliveryEvents } from './broker-requests.ts';
import type { BufferedRecord } from './buffered-record.ts';
import { openCluster } from './cluster.ts';
import type { ClusterOptions, ProducerCluster } from './cluster.ts';
import { createIdentityRenewal } from './identity-renewal.ts';
import { createProducerMetadata } from './metadata.ts';
import type { BatchLimits } from './partition-accumulator.ts';
import { findReady } from './ready-partitions.ts';
import { createRecordAccumulator } from './record-accumulator.ts';
import { createWakeupTimer } from './wakeup-timer.ts';

/**
 * Brings records to Kafka: each once in the log, in order within a partition.
 *
 * A partition has one batch under way at most, and a broker one request. A batch keeps its bytes,
 * producer id and sequence however often it is sent, so that the broker knows a resend. When a
 * batch is given up while its fate is unknown, or a broker lost track, a new producer id is taken
 * and all sequences begin anew; only then can an event be in the log twice (its id tells).
 */
export interface Sender {
  push(record: BufferedRecord): void;
  /** Something that sending waits for has changed. */
  wakeup(): void;
  /** While on, nothing waits for more to come. */
  setFlushing(on: boolean): void;
  /** Resolves when the topic can be written to; never rejects. */
  reachable(topic: string): Promise<void>;
  /** Gives up what is left with that error, and closes the connections. */
  stop(error: MarqueeError): Promise<void>;
}

export interface SenderOptions extends ClusterOptions, BatchLimits, DeliveryEvents {
  readonly lingerMs: number;
  /** From the call to the acknowledgement; Infinity for as long as it takes. */
  readonly deliveryTimeoutMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** The schema id to write into records of the topic, or null while they must wait for it. */
  schemaId(topic: string): number | null;
  /** For tests. */
  readonly cluster?: ProducerCluster;
}

export function createSender(options: SenderOptions): Sender {
  const { brokers, fault, lingerMs, batchBytesMax, deliveryTimeoutMs } = options;
  const cluster = options.cluster ?? openCluster(options);
  const backoff = { firstMs: options.retryFirstMs, maxMs: options.retryMaxMs };
  const timer = createWakeupTimer(sendReady);
  const metadata = createProducerMetadata(cluster, { brokers, backoff, changed: sendReady, fault });
  const accumulator = createRecordAccumulator((topic) => void metadata.want(topic));
  const inUse = (): boolean => requests.inFlight.size > 0;
  const identity = createIdentityRenewal(metadata, accumulator, inUse);
  const requests = createBrokerRequests(cluster, {
    ...options,
    backoff,
    refreshMetadata: metadata.refresh,
    renewIdentity: identity.renewSoon,
    ended: sendReady,
  });
  let flushing = false;
  let stopped = false;
  let bytesSinceCheck = 0;

  /** Looks at every partition, starts a request to each broker that is free and has work due. */
  function sendReady(): void {
    if (stopped) return;
    timer.clear();
    bytesSinceCheck = 0;
    const now = steadyNow();
    if (deliveryTimeoutMs !== Infinity) expire(now);
    accumulator.applyMetadata(metadata.leaders);
    const producer = identity.current();
    if (producer === null) return;
    const topics = accumulator.topics().filter(({ topic }) => options.schemaId(topic) !== null);
    const ready = findReady(topics, requests, { lingerMs, batchBytesMax, flushing }, now);
    if (ready.leaderMissing) metadata.refresh();
    timer.wakeBy(ready.nextCheckAt);
    for (const [leader, partitions] of ready.byLeader) {
      void requests.send(leader, partitions, producer);
    }
  }

  /** Gives up what waited too long; what is under way is looked at when it is back. */
  function expire(now: number): void {
    const expired = accumulator.takeExpired(now - deliveryTimeoutMs);
    if (expired.fateUnknown) identity.renewSoon();
    timer.wakeBy(expired.oldestQueuedAt + deliveryTimeoutMs);
    if (expired.records.length > 0) options.settled(expired.records, timedOut(deliveryTimeoutMs));
  }

  return {
    push(record) {
      accumulator.append(record);
      bytesSinceCheck += record.end - record.start;
      if (bytesSinceCheck >= batchBytesMax) sendReady();
      else timer.wakeBy(flushing ? 0 : record.queuedAt + lingerMs);
    },
    wakeup: sendReady,
    setFlushing(on) {
      flushing = on;
      if (on) sendReady();
    },
    reachable: metadata.want,
    async stop(error) {
      stopped = true;
      timer.stop();
      requests.stop();
      const left = accumulator.takeAll();
      if (left.length > 0) options.settled(left, error);
      await metadata.stop();
    },
  };
}

function timedOut(ms: number): MarqueeError {
  const message = `not acknowledged within ${ms} ms (deliveryTimeoutMs)`;
  return new MarqueeError('MARQUEE_DELIVERY_TIMEOUT', message);
}
