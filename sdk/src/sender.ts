import { MarqueeError } from '../../common/error.ts';
import { backoffMs } from '../../common/backoff.ts';
import { steadyNow } from '../../common/steady-clock.ts';
import type { BufferedRecord } from './buffered-record.ts';
import { createFifo } from './fifo.ts';
import type { Fifo } from './fifo.ts';
import type { ClusterOptions, ProducerCluster } from './cluster.ts';
import { openCluster } from './cluster.ts';
import { errorName, remedyOf } from '../../common/kafka/produce-errors.ts';
import { decodeProduce, encodeProduce } from '../../common/kafka/produce-request.ts';
import type { PartitionBatch, PartitionResult } from '../../common/kafka/produce-request.ts';
import { createProducerMetadata, toKafkaFault } from './metadata.ts';
import type { ProducerIdentity } from './metadata.ts';
import {
  createPartitionAccumulator,
  append,
  fill,
  hasWork,
  restartSequences,
  seal,
  takeAll,
  takeOlder,
  withdraw,
} from './record-accumulator.ts';
import type { PartitionAccumulator } from './record-accumulator.ts';

/**
 * Brings entries to Kafka: each once in the log, in order within a partition.
 *
 * A partition has one batch under way at most, and a broker one request. A batch keeps its bytes,
 * producer id and sequence however often it is sent, so that the broker knows a resend. When a batch
 * is given up while its fate is unknown, or a broker lost track, a new producer id is taken and all
 * sequences begin anew; only then can an event be in the log twice (its id tells).
 */
export interface Sender {
  push(entry: BufferedRecord): void;
  /** Something that sending waits for has changed. */
  wakeup(): void;
  /** While on, nothing waits for more to come. */
  setFlushing(on: boolean): void;
  /** Resolves when the topic can be written to; never rejects. */
  reachable(topic: string): Promise<void>;
  /** Gives up what is left with that error, and closes the connections. */
  stop(error: MarqueeError): Promise<void>;
}

export interface SenderOptions extends ClusterOptions {
  readonly lingerMs: number;
  /** Of one partition's batch, before compression. */
  readonly batchBytesMax: number;
  readonly batchEventsMax: number;
  /** From the call to the acknowledgement; Infinity for as long as it takes. */
  readonly deliveryTimeoutMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** The schema id to write into entries of the topic, or null while they must wait for it. */
  schemaId(topic: string): number | null;
  settled(entries: readonly BufferedRecord[], error: MarqueeError | null): void;
  retried(count: number): void;
  fault(error: MarqueeError): void;
  /** For tests. */
  readonly cluster?: ProducerCluster;
}

interface Topic {
  readonly name: string;
  /** Entries that came before the number of partitions was known. */
  readonly early: Fifo<BufferedRecord>;
  readonly partitions: PartitionAccumulator[];
  leaders: readonly number[];
  readonly reachable: PromiseWithResolvers<void>;
}

export function createSender(options: SenderOptions): Sender {
  const cluster = options.cluster ?? openCluster(options);
  const backoff = { firstMs: options.retryFirstMs, maxMs: options.retryMaxMs };
  const topics = new Map<string, Topic>();
  const busy = new Set<number>();
  /** Brokers that could not be reached, and when to try them again. */
  const resting = new Map<number, { attempts: number; retryAt: number }>();
  const link = createProducerMetadata(cluster, {
    brokers: options.brokers,
    backoff,
    changed: tick,
    fault: options.fault,
  });
  let hurrying = false;
  let renew = false;
  let stopped = false;
  let bytesSinceTick = 0;
  let timer: NodeJS.Timeout | null = null;
  let wakeAt = Infinity;

  function topicOf(name: string): Topic {
    let topic = topics.get(name);
    if (topic === undefined) {
      const reachable: PromiseWithResolvers<void> = Promise.withResolvers();
      topic = { name, early: createFifo(), partitions: [], leaders: [], reachable };
      topics.set(name, topic);
      link.want(name);
    }
    return topic;
  }

  /** A call, since it may change while a request is under way. */
  function isStopped(): boolean {
    return stopped;
  }

  function push(entry: BufferedRecord): void {
    const topic = topicOf(entry.topic);
    place(topic, entry);
    bytesSinceTick += entry.end - entry.start;
    if (bytesSinceTick >= options.batchBytesMax) tick();
    else wakeBy(hurrying ? 0 : entry.queuedAt + options.lingerMs);
  }

  function place(topic: Topic, entry: BufferedRecord): void {
    const count = topic.partitions.length;
    if (count === 0) topic.early.push(entry);
    else append(topic.partitions[(entry.hash & 0x7fffffff) % count] as PartitionAccumulator, entry);
  }

  function wakeBy(at: number): void {
    if (at >= wakeAt || stopped) return;
    wakeAt = at;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(tick, Math.max(0, at - steadyNow()));
  }

  /** Looks at every partition, starts a request to each broker that is free and has work due. */
  function tick(): void {
    if (stopped) return;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    wakeAt = Infinity;
    bytesSinceTick = 0;
    const now = steadyNow();
    expire(now);
    for (const topic of topics.values()) learn(topic);
    const identity = currentIdentity();
    if (identity === null) return;
    const work = new Map<number, PartitionAccumulator[]>();
    for (const topic of topics.values()) {
      if (options.schemaId(topic.name) === null) continue;
      for (const partition of topic.partitions) offer(partition, topic, work, now);
    }
    for (const [leader, partitions] of work) {
      const dueAt = partitions.reduce((at, partition) => Math.min(at, dueOf(partition)), Infinity);
      if (dueAt <= now) void send(leader, partitions, identity);
      else wakeBy(dueAt);
    }
  }

  /** Null while there is none, or while an old one has to go: that waits for requests under way. */
  function currentIdentity(): ProducerIdentity | null {
    if (renew) {
      if (busy.size > 0) return null;
      renew = false;
      for (const { partitions } of topics.values()) partitions.forEach(restartSequences);
      link.renewIdentity();
    }
    return link.identity();
  }

  function learn(topic: Topic): void {
    const leaders = link.leaders(topic.name);
    if (leaders === null) return;
    topic.leaders = leaders;
    for (let id = topic.partitions.length; id < leaders.length; id += 1) {
      topic.partitions.push(createPartitionAccumulator(topic.name, id));
    }
    for (let entry = topic.early.shift(); entry !== undefined; entry = topic.early.shift()) {
      place(topic, entry);
    }
    if (link.identity() !== null) topic.reachable.resolve();
  }

  function offer(
    partition: PartitionAccumulator,
    topic: Topic,
    work: Map<number, PartitionAccumulator[]>,
    now: number,
  ): void {
    if (partition.sending || !hasWork(partition)) return;
    if (partition.retryAt > now) {
      wakeBy(partition.retryAt);
      return;
    }
    const leader = topic.leaders[partition.partition] ?? -1;
    if (leader < 0) {
      link.refresh();
      return;
    }
    if (busy.has(leader)) return;
    const awake = resting.get(leader)?.retryAt ?? 0;
    if (awake > now) {
      wakeBy(awake);
      return;
    }
    const list = work.get(leader);
    if (list === undefined) work.set(leader, [partition]);
    else list.push(partition);
  }

  function dueOf(partition: PartitionAccumulator): number {
    const head = partition.queue.peek();
    if (hurrying || head === undefined || partition.batch !== null) return 0;
    if (partition.pendingBatches.length > 0 || partition.queuedBytes >= options.batchBytesMax)
      return 0;
    return head.queuedAt + options.lingerMs;
  }

  async function send(
    leader: number,
    partitions: readonly PartitionAccumulator[],
    identity: ProducerIdentity,
  ): Promise<void> {
    busy.add(leader);
    for (const partition of partitions) partition.sending = true;
    try {
      const schemaId = (topic: string): number => options.schemaId(topic) ?? -1;
      await Promise.all(partitions.map((p) => fill(p, options, schemaId(p.topic))));
      if (isStopped()) return;
      const batches = partitions.flatMap((p): PartitionBatch[] => {
        if (p.batch === null) return [];
        return [{ topic: p.topic, partition: p.partition, batch: seal(p, p.batch, identity) }];
      });
      const body = encodeProduce(batches, options.requestTimeoutMs);
      const results = decodeProduce(await cluster.produce(leader, body));
      resting.delete(leader);
      if (!isStopped()) conclude(partitions, results);
    } catch (error) {
      if (!isStopped()) rest(leader, partitions, error);
    } finally {
      for (const partition of partitions) partition.sending = false;
      busy.delete(leader);
      tick();
    }
  }

  /** The broker did not answer: whether it has the batches is not known, so they stay as they are. */
  function rest(leader: number, partitions: readonly PartitionAccumulator[], error: unknown): void {
    const attempts = (resting.get(leader)?.attempts ?? 0) + 1;
    resting.set(leader, { attempts, retryAt: steadyNow() + backoffMs(backoff, attempts) });
    for (const { batch } of partitions) options.retried(batch?.entries.length ?? 0);
    options.fault(toKafkaFault(error, options.brokers));
    link.refresh();
  }

  function conclude(
    partitions: readonly PartitionAccumulator[],
    results: readonly PartitionResult[],
  ): void {
    const codes = new Map(results.map((r) => [`${r.topic}/${String(r.partition)}`, r.errorCode]));
    for (const partition of partitions) {
      const code = codes.get(`${partition.topic}/${String(partition.partition)}`);
      if (code === undefined) later(partition);
      else if (code === 0) succeed(partition);
      else mend(partition, code);
    }
  }

  function succeed(partition: PartitionAccumulator): void {
    partition.attempts = 0;
    partition.retryAt = 0;
    const { batch } = partition;
    partition.batch = null;
    if (batch !== null) options.settled(batch.entries, null);
  }

  function mend(partition: PartitionAccumulator, code: number): void {
    const remedy = remedyOf(code);
    if (remedy === 'stored') {
      succeed(partition);
      return;
    }
    const place = `${partition.topic} partition ${String(partition.partition)}`;
    const message = `Kafka answers ${errorName(code)} for ${place}`;
    if (remedy === 'split' || remedy === 'fail') {
      divide(partition, remedy, message);
      return;
    }
    options.fault(new MarqueeError('MARQUEE_KAFKA_UNAVAILABLE', message, { retriable: true }));
    if (remedy === 'refresh') link.refresh();
    if (remedy === 'new_id') renew = true;
    later(partition);
  }

  /** Refused as a whole: halves are tried until what is at fault stands alone. */
  function divide(
    partition: PartitionAccumulator,
    remedy: 'split' | 'fail',
    message: string,
  ): void {
    const entries = withdraw(partition);
    partition.attempts = 0;
    if (remedy === 'split' && entries.length > 1) {
      const middle = Math.ceil(entries.length / 2);
      partition.pendingBatches.unshift(entries.slice(0, middle), entries.slice(middle));
      return;
    }
    const code = remedy === 'split' ? 'MARQUEE_EVENT_REFUSED' : 'MARQUEE_KAFKA_REFUSED';
    options.settled(entries, new MarqueeError(code, message));
  }

  function later(partition: PartitionAccumulator): void {
    partition.attempts += 1;
    partition.retryAt = steadyNow() + backoffMs(backoff, partition.attempts);
    options.retried(partition.batch?.entries.length ?? 0);
  }

  /** Gives up what waited too long; what is under way is looked at when it is back. */
  function expire(now: number): void {
    if (options.deliveryTimeoutMs === Infinity) return;
    const bornBy = now - options.deliveryTimeoutMs;
    let old: BufferedRecord[] = [];
    for (const { early, partitions } of topics.values()) {
      for (let e = early.peek(); e !== undefined && e.queuedAt <= bornBy; e = early.peek()) {
        old.push(e);
        early.shift();
      }
      const waiting = [early.peek()?.queuedAt];
      for (const partition of partitions) {
        if (partition.sending) continue;
        old = old.concat(expirePartition(partition, bornBy));
        const first = partition.batch?.entries ?? partition.pendingBatches[0];
        waiting.push(first?.[0]?.queuedAt ?? partition.queue.peek()?.queuedAt);
      }
      const oldest = Math.min(...waiting.map((queuedAt) => queuedAt ?? Infinity));
      wakeBy(oldest + options.deliveryTimeoutMs);
    }
    if (old.length === 0) return;
    const limit = `${String(options.deliveryTimeoutMs)} ms`;
    const message = `not acknowledged within ${limit} (deliveryTimeoutMs)`;
    options.settled(old, new MarqueeError('MARQUEE_DELIVERY_TIMEOUT', message));
  }

  function expirePartition(
    partition: PartitionAccumulator,
    bornBy: number,
  ): readonly BufferedRecord[] {
    const { batch, pendingBatches: portions } = partition;
    const first = batch?.entries ?? portions[0];
    const bornAt = first?.[0]?.queuedAt;
    if (bornAt === undefined) return takeOlder(partition, bornBy);
    if (bornAt > bornBy) return [];
    if (batch === null) return portions.shift() ?? [];
    // It may be in the log or not: its sequences can be neither used again nor left out.
    if (batch.sequence >= 0) renew = true;
    partition.batch = null;
    return batch.entries;
  }

  return {
    push,
    wakeup: tick,
    setFlushing(on) {
      hurrying = on;
      if (on) tick();
    },
    reachable: (name) => topicOf(name).reachable.promise,
    async stop(error) {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      let left: BufferedRecord[] = [];
      for (const { early, partitions } of topics.values()) {
        for (let e = early.shift(); e !== undefined; e = early.shift()) left.push(e);
        for (const partition of partitions) left = left.concat(takeAll(partition));
      }
      if (left.length > 0) options.settled(left, error);
      await link.stop();
    },
  };
}
