import type { KafkaConsumer } from '../../../connectors/kafka/port.ts';
import { takeOverPartition } from './take-over.ts';
import type { TakeOverContext } from './take-over.ts';
import { clearQueue } from './partition-task.ts';
import type { Halt, PartitionTask } from './partition-task.ts';
import type { BatchWorker } from './batch-worker.ts';
import type { Log } from '../../../common/log.ts';
import type { Metrics } from '../observe/metrics.ts';

export interface TaskManager {
  get(partition: number): PartitionTask | undefined;
  all(): readonly PartitionTask[];
  live(): PartitionTask[];
  /** Fetched and not yet taken by a worker, over all partitions. */
  queuedBytes(): number;
  /** Takes the partition over and starts reading it; an earlier try is abandoned. */
  takeOver(partition: number): Promise<void>;
  /** Stops reading the partition until an operator decides. */
  halt(partition: number, why: Halt): void;
  /**
   * Somebody raised the partition's epoch. If it is still this member's after the time in which a
   * lost membership shows, whoever did that has no right to it any more: it is taken back. One that
   * was given up before is the other's, and nothing is done.
   */
  fenced(tasks: PartitionTask): void;
  /** The tables stand elsewhere: reads again from there, unless it was given up before. */
  rewound(tasks: PartitionTask): void;
  /** Lets go of partitions and abandons take-overs; returns what was tasks. */
  release(partitions: Iterable<number>): PartitionTask[];
  /** Nothing is being taken over, and nothing is halted. */
  settled(): boolean;
  close(): void;
}

export interface TaskManagerOptions {
  readonly name: string;
  readonly topic: string;
  readonly consumer: KafkaConsumer;
  readonly takeOver: TakeOverContext;
  workerOf(partition: number): BatchWorker;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How long a member that was expelled may not know it. */
  readonly membershipMs: number;
  /** A fault of take-over that no retry mends. */
  fail(error: Error): void;
}

/** The partitions in this process's hands, from assignment to revocation. */
export function createTaskManager(options: TaskManagerOptions): TaskManager {
  const { name, topic, consumer, metrics, log, workerOf: workerOf } = options;
  const tasks = new Map<number, PartitionTask>();
  const taking = new Map<number, AbortController>();
  /** Halted before they could be tasks: the log does not have where the tables stand. */
  const refused = new Set<number>();
  const takingBack = new Map<number, NodeJS.Timeout>();
  let closed = false;

  function drop(task: PartitionTask): void {
    task.state = 'gone';
    clearQueue(task);
    if (tasks.get(task.partition) !== task) return;
    tasks.delete(task.partition);
    workerOf(task.partition).tasks.delete(task.partition);
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
    const task = tasks.get(partition);
    if (task === undefined) {
      refused.add(partition);
      return;
    }
    task.state = 'halted';
    clearQueue(task);
    consumer.pause({ topic, partition });
  }

  function stayAway(partition: number): void {
    clearTimeout(takingBack.get(partition));
    takingBack.delete(partition);
  }

  function fenced(task: PartitionTask): void {
    if (task.state === 'gone') return;
    drop(task);
    stayAway(task.partition);
    const timer = setTimeout(() => {
      takingBack.delete(task.partition);
      if (!closed) void take(task.partition);
    }, options.membershipMs);
    takingBack.set(task.partition, timer);
  }

  function rewound(task: PartitionTask): void {
    if (task.state === 'gone') return;
    drop(task);
    void take(task.partition);
  }

  async function take(partition: number): Promise<void> {
    stayAway(partition);
    const abandon = new AbortController();
    taking.get(partition)?.abort();
    taking.set(partition, abandon);
    try {
      // Our own batch of an earlier assignment would only be fenced; let it end first.
      await workerOf(partition).settled(new Set([partition]));
      const taken = await takeOverPartition(options.takeOver, partition, abandon.signal);
      if (taken === null || abandon.signal.aborted || closed) return;
      refused.delete(partition);
      if ('code' in taken) {
        halt(partition, taken);
        return;
      }
      tasks.set(partition, taken.task);
      workerOf(partition).tasks.set(partition, taken.task);
      consumer.start({ topic, partition }, taken.start);
      const { epoch, position } = taken.task;
      log.info({ event: 'partition_taken', processor: name, partition, epoch, next: position });
    } catch (error) {
      options.fail(error as Error);
    } finally {
      if (taking.get(partition) === abandon) taking.delete(partition);
    }
  }

  return {
    get: (partition) => tasks.get(partition),
    all: () => [...tasks.values()],
    live: () => [...tasks.values()].filter((task) => task.state === 'live'),
    queuedBytes() {
      let bytes = 0;
      for (const task of tasks.values()) bytes += task.queuedBytes;
      return bytes;
    },
    takeOver: take,
    halt,
    fenced,
    rewound,
    release(partitions) {
      const released: PartitionTask[] = [];
      for (const partition of partitions) {
        stayAway(partition);
        taking.get(partition)?.abort();
        refused.delete(partition);
        const task = tasks.get(partition);
        if (task === undefined) continue;
        drop(task);
        released.push(task);
      }
      return released;
    },
    settled: () =>
      taking.size === 0 &&
      takingBack.size === 0 &&
      refused.size === 0 &&
      [...tasks.values()].every((task) => task.state === 'live'),
    close() {
      closed = true;
      for (const partition of [...takingBack.keys()]) stayAway(partition);
      for (const abandon of taking.values()) abandon.abort();
    },
  };
}
