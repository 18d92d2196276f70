import { backoffMs } from '../../common/backoff.ts';
import type { BackoffOptions } from '../../common/backoff.ts';
import { MarqueeError } from '../../common/error.ts';
import { errorName } from '../../common/kafka/produce-errors.ts';
import { decodeProduce, encodeProduce } from '../../common/kafka/produce-request.ts';
import type { PartitionBatch, PartitionResult } from '../../common/kafka/produce-request.ts';
import { steadyNow } from '../../common/steady-clock.ts';
import { outcomeOf } from './batch-outcome.ts';
import type { BatchOutcome } from './batch-outcome.ts';
import type { BufferedRecord } from './buffered-record.ts';
import type { ProducerCluster } from './cluster.ts';
import { toKafkaFault } from './kafka-fault.ts';
import type { ProducerIdentity } from './metadata-loader.ts';
import {
  ensureBatch,
  seal,
  splitBatch,
  takeAcknowledged,
  takeRefused,
} from './partition-accumulator.ts';
import type { BatchLimits, PartitionAccumulator } from './partition-accumulator.ts';
import type { BrokerAvailability } from './ready-partitions.ts';

/** Produce requests, one in flight to a broker at most; one that did not answer is left alone. */
export interface BrokerRequests extends BrokerAvailability {
  /** Sends the partitions' next batches and completes them by the answer; never rejects. */
  send(
    broker: number,
    partitions: readonly PartitionAccumulator[],
    identity: ProducerIdentity,
  ): Promise<void>;
  /** From now on no request goes out, and no answer is looked at. */
  stop(): void;
}

/** Ends and faults of records, told to whoever counts them. */
export interface DeliveryEvents {
  /** They are acknowledged, or given up with that error. */
  settled(records: readonly BufferedRecord[], error: MarqueeError | null): void;
  retried(count: number): void;
  /** Told of each fault that is being retried. */
  fault(error: MarqueeError): void;
}

export interface BrokerRequestOptions extends DeliveryEvents, BatchLimits {
  readonly brokers: readonly string[];
  readonly requestTimeoutMs: number;
  readonly backoff: BackoffOptions;
  schemaId(topic: string): number | null;
  refreshMetadata(): void;
  renewIdentity(): void;
  /** A request has ended, one way or the other. */
  ended(): void;
}

export function createBrokerRequests(
  cluster: ProducerCluster,
  options: BrokerRequestOptions,
): BrokerRequests {
  const inFlight = new Set<number>();
  const backedOff = new Map<number, { readonly attempts: number; readonly retryAt: number }>();
  let stopped = false;
  /** A call, since it may change while something is awaited. */
  const isStopped = (): boolean => stopped;

  /** The broker may have the batches or not, so they stay as they are. */
  function backOffBroker(
    broker: number,
    partitions: readonly PartitionAccumulator[],
    error: unknown,
  ): void {
    const attempts = (backedOff.get(broker)?.attempts ?? 0) + 1;
    backedOff.set(broker, { attempts, retryAt: retryTime(options.backoff, attempts) });
    for (const { batch } of partitions) options.retried(batch?.records.length ?? 0);
    options.fault(toKafkaFault(error, options.brokers));
    options.refreshMetadata();
  }

  return {
    inFlight,
    retryAt: (broker) => backedOff.get(broker)?.retryAt ?? 0,
    async send(broker, partitions, identity) {
      inFlight.add(broker);
      for (const partition of partitions) partition.inFlight = true;
      try {
        const idOf = (topic: string): number => options.schemaId(topic) ?? -1;
        await Promise.all(partitions.map((p) => ensureBatch(p, options, idOf(p.topic))));
        if (isStopped()) return;
        const body = encodeProduce(sealBatches(partitions, identity), options.requestTimeoutMs);
        const results = decodeProduce(await cluster.produce(broker, body));
        backedOff.delete(broker);
        if (!isStopped()) completeBatches(partitions, results, options);
      } catch (error) {
        if (!isStopped()) backOffBroker(broker, partitions, error);
      } finally {
        for (const partition of partitions) partition.inFlight = false;
        inFlight.delete(broker);
        options.ended();
      }
    },
    stop() {
      stopped = true;
    },
  };
}

function sealBatches(
  partitions: readonly PartitionAccumulator[],
  identity: ProducerIdentity,
): PartitionBatch[] {
  return partitions.flatMap((partition) => {
    const { topic, batch } = partition;
    if (batch === null) return [];
    return [{ topic, partition: partition.partition, batch: seal(partition, batch, identity) }];
  });
}

function completeBatches(
  partitions: readonly PartitionAccumulator[],
  results: readonly PartitionResult[],
  options: BrokerRequestOptions,
): void {
  const codes = new Map(results.map((r) => [`${r.topic}/${r.partition}`, r.errorCode]));
  for (const partition of partitions) {
    const code = codes.get(`${partition.topic}/${partition.partition}`);
    if (code === undefined) {
      retryLater(partition, options);
      continue;
    }
    const outcome = outcomeOf(code, partition.batch?.records.length ?? 0);
    if (outcome.kind === 'acknowledged') options.settled(takeAcknowledged(partition), null);
    else handlePartitionError(partition, code, outcome, options);
  }
}

function handlePartitionError(
  partition: PartitionAccumulator,
  code: number,
  outcome: Exclude<BatchOutcome, { readonly kind: 'acknowledged' }>,
  options: BrokerRequestOptions,
): void {
  const place = `${partition.topic} partition ${partition.partition}`;
  const message = `Kafka answers ${errorName(code)} for ${place}`;
  switch (outcome.kind) {
    case 'split':
      splitBatch(partition);
      break;
    case 'fail':
      options.settled(takeRefused(partition), new MarqueeError(outcome.code, message));
      break;
    case 'retry':
      options.fault(new MarqueeError('MARQUEE_KAFKA_UNAVAILABLE', message, { retriable: true }));
      if (outcome.refreshMetadata) options.refreshMetadata();
      if (outcome.renewIdentity) options.renewIdentity();
      retryLater(partition, options);
  }
}

function retryLater(partition: PartitionAccumulator, options: BrokerRequestOptions): void {
  partition.attempts += 1;
  partition.retryAt = retryTime(options.backoff, partition.attempts);
  options.retried(partition.batch?.records.length ?? 0);
}

/** Time of the next try after so many attempts, on the steady clock. */
function retryTime(backoff: BackoffOptions, attempts: number): number {
  return steadyNow() + backoffMs(backoff, attempts);
}
