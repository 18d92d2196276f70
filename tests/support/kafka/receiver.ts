import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type {
  ConsumerHandlers,
  FetchedBatch,
  KafkaConsumer,
  TopicPartition,
} from '../../../connectors/kafka/port.ts';

/** A partition as the receiver has it. */
interface Reading {
  expected: number | undefined;
  paused: boolean;
}

export interface OutOfLog extends TopicPartition {
  readonly detail: string;
}

/** The offset that an assigned partition starts at; undefined leaves it silent. */
export type StartAt = (partition: TopicPartition) => number | undefined;

/**
 * The other side of the port, as strict as its words: each call is checked when it comes, and the
 * first breach fails whoever waits.
 */
export interface Receiver {
  readonly handlers: ConsumerHandlers;
  /** All records, by partition, in the order delivered. */
  readonly records: ReadonlyMap<number, readonly KafkaRecord[]>;
  readonly batches: readonly FetchedBatch[];
  readonly assigned: ReadonlySet<number>;
  readonly outOfLog: readonly OutOfLog[];
  readonly faults: readonly Error[];
  readonly assignments: readonly (readonly number[])[];
  readonly revocations: readonly { partitions: readonly number[]; lost: boolean }[];
  /** One past the last offset passed: reading goes on there. */
  next(partition: number): number | undefined;
  count(): number;
  start(partition: number, offset: number): void;
  pause(partition: number): void;
  resume(partition: number): void;
  /** Settles when the condition holds, looked at after each event. Rejects on a breach. */
  until(what: string, condition: () => boolean, withinMs?: number): Promise<void>;
}

export interface ReceiverOptions {
  readonly topic: string;
  readonly startAt: StartAt;
  /** Called inside `revoked`, which waits for it. */
  readonly onRevoked?: (partitions: readonly number[]) => Promise<void>;
  /** Called for every batch after the checks. */
  readonly onBatch?: (batch: FetchedBatch, receiver: Receiver) => void;
  /** Who holds which partition, over all receivers of a group. */
  readonly owners?: Map<number, Receiver>;
  /** Keep no records, only counts (for large topics). */
  readonly countOnly?: boolean;
}

export function createReceiver(consumer: KafkaConsumer, options: ReceiverOptions): Receiver {
  const { topic, startAt, owners } = options;
  const readings = new Map<number, Reading>();
  const assigned = new Set<number>();
  const records = new Map<number, KafkaRecord[]>();
  const batches: FetchedBatch[] = [];
  const outOfLog: OutOfLog[] = [];
  const faults: Error[] = [];
  const assignments: number[][] = [];
  const revocations: { partitions: number[]; lost: boolean }[] = [];
  let total = 0;
  let breach: Error | undefined;

  const check: Check = (ok, words) => {
    if (!ok) breach ??= new Error(words);
  };
  const { happened, until } = createWaiting(() => breach, faults);
  const readingOf = (partition: number): Reading => {
    const found = readings.get(partition);
    if (found === undefined) throw new Error(`partition ${partition} is not assigned`);
    return found;
  };

  const onBatch = (batch: FetchedBatch): void => {
    const { partition, from, next } = batch;
    const mine = readings.get(partition);
    check(batch.topic === topic, `partition ${partition} ${from}: topic ${batch.topic}`);
    const fetched = batch.records();
    checkBatch(batch, fetched, mine, check);
    if (mine !== undefined) mine.expected = next;
    total += fetched.length;
    if (options.countOnly !== true) {
      batches.push(batch);
      const list = records.get(partition) ?? [];
      for (const record of fetched) list.push(record);
      records.set(partition, list);
    }
    options.onBatch?.(batch, receiver);
    happened();
  };

  const receiver: Receiver = {
    handlers: {
      assigned: async (given) => {
        assignments.push(given.map(({ partition }) => partition));
        for (const place of given) {
          const { partition } = place;
          check(!readings.has(partition), `partition ${partition} assigned twice`);
          const owner = owners?.get(partition);
          check(owner === undefined, `partition ${partition} assigned while another has it`);
          owners?.set(partition, receiver);
          readings.set(partition, { expected: undefined, paused: false });
          assigned.add(partition);
        }
        await Promise.resolve();
        for (const place of given) {
          const offset = startAt(place);
          if (offset !== undefined && assigned.has(place.partition)) {
            receiver.start(place.partition, offset);
          }
        }
        happened();
      },
      revoked: async (taken, lost) => {
        const partitions = taken.map(({ partition }) => partition);
        for (const partition of partitions) {
          check(assigned.has(partition), `partition ${partition} revoked but not assigned`);
          readings.delete(partition);
          assigned.delete(partition);
        }
        await options.onRevoked?.(partitions);
        for (const partition of partitions) {
          if (owners?.get(partition) === receiver) owners.delete(partition);
        }
        revocations.push({ partitions, lost });
        happened();
      },
      batch: onBatch,
      offsetOutOfLog: (place, detail) => {
        check(readings.has(place.partition), `out of log: ${place.partition} not assigned`);
        const mine = readings.get(place.partition);
        check(mine?.expected !== undefined, `out of log before start: ${place.partition}`);
        if (mine !== undefined) mine.expected = undefined;
        outOfLog.push({ ...place, detail });
        happened();
      },
      fault: (error) => {
        faults.push(error);
        happened();
      },
    },
    records,
    batches,
    assigned,
    outOfLog,
    faults,
    assignments,
    revocations,
    next: (partition) => readings.get(partition)?.expected,
    count: () => total,
    start: (partition, offset) => {
      const mine = readingOf(partition);
      mine.expected = offset;
      mine.paused = false;
      consumer.start({ topic, partition }, offset);
    },
    pause: (partition) => {
      readingOf(partition).paused = true;
      consumer.pause({ topic, partition });
    },
    resume: (partition) => {
      readingOf(partition).paused = false;
      consumer.resume({ topic, partition });
    },
    until,
  };
  return receiver;
}

type Check = (ok: boolean, words: string) => void;

/** A batch begins where the partition is read, and its records stand inside it, in order. */
function checkBatch(
  batch: FetchedBatch,
  fetched: readonly KafkaRecord[],
  mine: Reading | undefined,
  check: Check,
): void {
  const { partition, from, next } = batch;
  const place = `partition ${partition} ${from}-${next}`;
  check(mine !== undefined, `${place}: delivered while not assigned`);
  check(mine?.expected !== undefined, `${place}: delivered before start`);
  check(mine?.paused === false, `${place}: delivered while paused`);
  check(mine?.expected === from, `${place}: expected ${String(mine?.expected)}`);
  check(next > from, `${place}: covers nothing`);
  check(batch.logEnd >= next, `${place}: log end ${batch.logEnd}`);
  check(fetched.length === batch.count, `${place}: ${batch.count} records announced`);
  let last = from - 1;
  for (const { offset } of fetched) {
    check(offset > last && offset < next, `${place}: record ${offset} out of order`);
    last = offset;
  }
}

/** Waits for conditions, which are looked at after each event and now and then. */
function createWaiting(
  breach: () => Error | undefined,
  faults: readonly Error[],
): { happened(): void; until: Receiver['until'] } {
  const waiting = new Set<() => void>();
  return {
    happened() {
      for (const look of waiting) look();
    },
    until: (what, condition, withinMs = 30_000) =>
      new Promise((resolve, reject) => {
        const done = (error?: Error): void => {
          clearTimeout(timer);
          clearInterval(others);
          waiting.delete(look);
          if (error === undefined) resolve();
          else reject(error);
        };
        const look = (): void => {
          const broken = breach();
          if (broken !== undefined) done(broken);
          else if (condition()) done();
        };
        const timer = setTimeout(() => {
          const said = faults.slice(-5).map(({ message }) => message);
          done(new Error(`not within ${withinMs} ms: ${what}; faults: ${said.join('; ')}`));
        }, withinMs);
        // Conditions may be about other receivers too.
        const others = setInterval(look, 50);
        waiting.add(look);
        look();
      }),
  };
}
