import type { BufferedRecord } from './buffered-record.ts';
import { createFifo } from './fifo.ts';
import type { Fifo } from './fifo.ts';
import {
  createPartitionAccumulator,
  enqueue,
  oldestQueuedAt,
  restartSequences,
  takeAll,
  takeExpired,
} from './partition-accumulator.ts';
import type { ExpiredRecords, PartitionAccumulator } from './partition-accumulator.ts';

/** The records of one topic that are not acknowledged, by partition. */
export interface TopicAccumulator {
  readonly topic: string;
  /** Records that came before the number of partitions was known. */
  readonly unassigned: Fifo<BufferedRecord>;
  readonly partitions: readonly PartitionAccumulator[];
  /** The broker of each partition; -1 where there is none now. */
  readonly leaders: readonly number[];
}

export interface ExpiredTopics extends ExpiredRecords {
  /** Time at which the oldest record that stays was handed over, without those in flight. */
  readonly oldestQueuedAt: number;
}

/** Keeps every record from its call to its end, in the order of the calls within a partition. */
export interface RecordAccumulator {
  append(record: BufferedRecord): void;
  topics(): readonly TopicAccumulator[];
  /** Takes leaders over, and makes the partitions that are new; there are never fewer. */
  applyMetadata(leadersOf: (topic: string) => readonly number[] | null): void;
  restartSequences(): void;
  /** Takes what was handed over by then; leaves what is in flight. */
  takeExpired(queuedBy: number): ExpiredTopics;
  takeAll(): readonly BufferedRecord[];
}

interface Topic extends TopicAccumulator {
  readonly partitions: PartitionAccumulator[];
  leaders: readonly number[];
}

/** `topicAdded` is told of each topic once, before its first record is in. */
export function createRecordAccumulator(topicAdded: (topic: string) => void): RecordAccumulator {
  const topics = new Map<string, Topic>();

  function topicOf(name: string): Topic {
    let topic = topics.get(name);
    if (topic === undefined) {
      topic = { topic: name, unassigned: createFifo(), partitions: [], leaders: [] };
      topics.set(name, topic);
      topicAdded(name);
    }
    return topic;
  }

  return {
    append(record) {
      assign(topicOf(record.topic), record);
    },
    topics: () => [...topics.values()],
    applyMetadata(leadersOf) {
      for (const topic of topics.values()) {
        const leaders = leadersOf(topic.topic);
        if (leaders !== null) applyLeaders(topic, leaders);
      }
    },
    restartSequences() {
      for (const { partitions } of topics.values()) partitions.forEach(restartSequences);
    },
    takeExpired: (queuedBy) => takeExpiredOf(topics.values(), queuedBy),
    takeAll: () =>
      [...topics.values()].flatMap(({ unassigned, partitions }) => [
        ...takeUnassigned(unassigned, Infinity),
        ...partitions.flatMap(takeAll),
      ]),
  };
}

function assign(topic: Topic, record: BufferedRecord): void {
  const count = topic.partitions.length;
  if (count === 0) topic.unassigned.push(record);
  else
    enqueue(topic.partitions[(record.hash & 0x7fffffff) % count] as PartitionAccumulator, record);
}

function applyLeaders(topic: Topic, leaders: readonly number[]): void {
  topic.leaders = leaders;
  for (let id = topic.partitions.length; id < leaders.length; id += 1) {
    topic.partitions.push(createPartitionAccumulator(topic.topic, id));
  }
  for (const record of takeUnassigned(topic.unassigned, Infinity)) assign(topic, record);
}

function takeExpiredOf(topics: Iterable<Topic>, queuedBy: number): ExpiredTopics {
  const records: BufferedRecord[] = [];
  let fateUnknown = false;
  let oldest = Infinity;
  for (const { unassigned, partitions } of topics) {
    for (const record of takeUnassigned(unassigned, queuedBy)) records.push(record);
    oldest = Math.min(oldest, unassigned.peek()?.queuedAt ?? Infinity);
    for (const partition of partitions) {
      if (partition.inFlight) continue;
      const expired = takeExpired(partition, queuedBy);
      for (const record of expired.records) records.push(record);
      fateUnknown ||= expired.fateUnknown;
      oldest = Math.min(oldest, oldestQueuedAt(partition));
    }
  }
  return { records, fateUnknown, oldestQueuedAt: oldest };
}

function takeUnassigned(unassigned: Fifo<BufferedRecord>, queuedBy: number): BufferedRecord[] {
  const taken: BufferedRecord[] = [];
  for (let next = unassigned.peek(); next !== undefined; next = unassigned.peek()) {
    if (next.queuedAt > queuedBy) break;
    unassigned.shift();
    taken.push(next);
  }
  return taken;
}
