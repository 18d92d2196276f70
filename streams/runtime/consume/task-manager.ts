import type { KafkaConsumer } from '../../../connectors/kafka/port.ts';
import { takePartition } from './take-over.ts';
import type { TakeOverContext } from './take-over.ts';
import { clearQueue } from './partition-task.ts';
import type { Halt, Held } from './partition-task.ts';
import type { Lane } from './batch-worker.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';

export interface Holdings {
  get(partition: number): Held | undefined;
  all(): readonly Held[];
  live(): Held[];
  /** Fetched and not yet taken by a lane, over all partitions. */
  queuedBytes(): number;
  /** Takes the partition over and starts reading it; an earlier try is abandoned. */
  take(partition: number): Promise<void>;
  /** Stops reading the partition until an operator decides. */
  halt(partition: number, why: Halt): void;
  /**
   * Somebody raised the partition's epoch. If it is still this member's after the time in which a
   * lost membership shows, whoever did that has no right to it any more: it is taken back. One that
   * was given up before is the other's, and nothing is done.
   */
  fenced(held: Held): void;
  /** The tables stand elsewhere: reads again from there, unless it was given up before. */
  rewound(held: Held): void;
  /** Lets go of partitions and abandons take-overs; returns what was held. */
  release(partitions: Iterable<number>): Held[];
  /** Nothing is being taken over, and nothing is halted. */
  settled(): boolean;
  close(): void;
}

export interface HoldingsOptions {
  readonly name: string;
  readonly topic: string;
  readonly consumer: KafkaConsumer;
  readonly takeOver: TakeOverContext;
  laneOf(partition: number): Lane;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How long a member that was expelled may not know it. */
  readonly membershipMs: number;
  /** A fault of take-over that no retry mends. */
  fail(error: Error): void;
}

/** The partitions in this process's hands, from assignment to revocation. */
export function createHoldings(options: HoldingsOptions): Holdings {
  const { name, topic, consumer, metrics, log, laneOf } = options;
  const held = new Map<number, Held>();
  const taking = new Map<number, AbortController>();
  /** Halted before they could be held: the log does not have where the tables stand. */
  const refused = new Set<number>();
  const takingBack = new Map<number, NodeJS.Timeout>();
  let closed = false;

  function drop(h: Held): void {
    h.state = 'gone';
    clearQueue(h);
    if (held.get(h.partition) !== h) return;
    held.delete(h.partition);
    laneOf(h.partition).partitions.delete(h.partition);
  }

  function halt(partition: number, why: Halt): void {
    metrics.halted.set({ processor: name, partition, code: why.code }, 1);
    log.error({
      event: 'partition_halted',
      processor: name,
      partition,
      code: why.code,
      reason: why.message,
    });
    const h = held.get(partition);
    if (h === undefined) {
      refused.add(partition);
      return;
    }
    h.state = 'halted';
    clearQueue(h);
    consumer.pause({ topic, partition });
  }

  function stayAway(partition: number): void {
    clearTimeout(takingBack.get(partition));
    takingBack.delete(partition);
  }

  function fenced(h: Held): void {
    if (h.state === 'gone') return;
    drop(h);
    stayAway(h.partition);
    const timer = setTimeout(() => {
      takingBack.delete(h.partition);
      if (!closed) void take(h.partition);
    }, options.membershipMs);
    takingBack.set(h.partition, timer);
  }

  function rewound(h: Held): void {
    if (h.state === 'gone') return;
    drop(h);
    void take(h.partition);
  }

  async function take(partition: number): Promise<void> {
    stayAway(partition);
    const abandon = new AbortController();
    taking.get(partition)?.abort();
    taking.set(partition, abandon);
    try {
      // Our own batch of an earlier assignment would only be fenced; let it end first.
      await laneOf(partition).settled(new Set([partition]));
      const taken = await takePartition(options.takeOver, partition, abandon.signal);
      if (taken === null || abandon.signal.aborted || closed) return;
      refused.delete(partition);
      if ('code' in taken) {
        halt(partition, taken);
        return;
      }
      held.set(partition, taken.held);
      laneOf(partition).partitions.set(partition, taken.held);
      consumer.start({ topic, partition }, taken.start);
      const { epoch, position } = taken.held;
      log.info({ event: 'partition_taken', processor: name, partition, epoch, next: position });
    } catch (error) {
      options.fail(error as Error);
    } finally {
      if (taking.get(partition) === abandon) taking.delete(partition);
    }
  }

  return {
    get: (partition) => held.get(partition),
    all: () => [...held.values()],
    live: () => [...held.values()].filter((h) => h.state === 'live'),
    queuedBytes() {
      let bytes = 0;
      for (const h of held.values()) bytes += h.queuedBytes;
      return bytes;
    },
    take,
    halt,
    fenced,
    rewound,
    release(partitions) {
      const released: Held[] = [];
      for (const partition of partitions) {
        stayAway(partition);
        taking.get(partition)?.abort();
        refused.delete(partition);
        const h = held.get(partition);
        if (h === undefined) continue;
        drop(h);
        released.push(h);
      }
      return released;
    },
    settled: () =>
      taking.size === 0 &&
      takingBack.size === 0 &&
      refused.size === 0 &&
      [...held.values()].every((h) => h.state === 'live'),
    close() {
      closed = true;
      for (const partition of [...takingBack.keys()]) stayAway(partition);
      for (const abandon of taking.values()) abandon.abort();
    },
  };
}
