import { describe, expect, it } from 'vitest';
import type { BufferedRecord } from '../../../sdk/src/buffered-record.ts';
import { createFifo } from '../../../sdk/src/fifo.ts';
import { createPartitionAccumulator, enqueue } from '../../../sdk/src/partition-accumulator.ts';
import type { PartitionAccumulator } from '../../../sdk/src/partition-accumulator.ts';
import { findReady } from '../../../sdk/src/ready-partitions.ts';
import type { TopicAccumulator } from '../../../sdk/src/record-accumulator.ts';
import { recordAt } from './records.ts';

const NOW = 1_000;
const OPTIONS = { lingerMs: 5, batchBytesMax: 100, flushing: false };

/** A topic with the records given for each partition; broker 1 leads all unless said otherwise. */
function topicOf(
  queues: readonly (readonly BufferedRecord[])[],
  leaders: readonly number[] = queues.map(() => 1),
): TopicAccumulator {
  const partitions = queues.map((records, id) => {
    const partition = createPartitionAccumulator('t', id);
    for (const record of records) enqueue(partition, record);
    return partition;
  });
  return { topic: 't', unassigned: createFifo(), partitions, leaders };
}

function brokers(given: { inFlight?: readonly number[]; retryAt?: Record<number, number> } = {}) {
  return {
    inFlight: new Set(given.inFlight),
    retryAt: (broker: number) => given.retryAt?.[broker] ?? 0,
  };
}

/** The partitions that are ready, as numbers behind their broker's. */
function ready(
  topic: TopicAccumulator,
  availability = brokers(),
  options: Partial<typeof OPTIONS> = {},
) {
  const found = findReady([topic], availability, { ...OPTIONS, ...options }, NOW);
  const byLeader = [...found.byLeader].map(([leader, partitions]) => [
    leader,
    ...partitions.map(({ partition }) => partition),
  ]);
  return { ...found, byLeader };
}

const due = recordAt(NOW - 5);
const young = recordAt(NOW - 2);
const nothing = { byLeader: [], nextCheckAt: Infinity, leaderMissing: false };

function first({ partitions }: TopicAccumulator): PartitionAccumulator {
  return partitions[0] as PartitionAccumulator;
}

describe('findReady', () => {
  it('makes one request for each leader', () => {
    const topic = topicOf([[due], [due], [due], []], [1, 2, 1, 2]);
    expect(ready(topic)).toEqual({
      ...nothing,
      byLeader: [
        [1, 0, 2],
        [2, 1],
      ],
    });
  });

  it('finds nothing where there is nothing', () => {
    expect(ready(topicOf([[], []]))).toEqual(nothing);
  });

  it('waits for company until lingerMs is over', () => {
    expect(ready(topicOf([[young]]))).toEqual({ ...nothing, nextCheckAt: NOW + 3 });
    expect(ready(topicOf([[recordAt(NOW - 4)]]))).toEqual({ ...nothing, nextCheckAt: NOW + 1 });
  });

  it('takes along what is not due when a request goes to its leader anyhow', () => {
    expect(ready(topicOf([[young], [due]])).byLeader).toEqual([[1, 0, 1]]);
    expect(ready(topicOf([[young], [due]], [1, 2]))).toEqual({
      ...nothing,
      byLeader: [[2, 1]],
      nextCheckAt: NOW + 3,
    });
  });

  it('does not wait while flushing, with a full batch, or with one that was sent before', () => {
    expect(ready(topicOf([[young]]), brokers(), { flushing: true }).byLeader).toEqual([[1, 0]]);
    expect(ready(topicOf([[young]]), brokers(), { batchBytesMax: 10 }).byLeader).toEqual([[1, 0]]);
    const split = topicOf([[]]);
    first(split).pendingBatches.push([young]);
    expect(ready(split).byLeader).toEqual([[1, 0]]);
    const resent = topicOf([[young]]);
    first(resent).batch = { records: [due], body: Buffer.alloc(0), gzipped: false, sequence: 0 };
    expect(ready(resent).byLeader).toEqual([[1, 0]]);
  });

  it('leaves alone a partition and a broker with a request under way', () => {
    const topic = topicOf([[due], [due]], [1, 2]);
    first(topic).inFlight = true;
    expect(ready(topic, brokers({ inFlight: [2] }))).toEqual(nothing);
  });

  it('tries again when the pause is over, the partition’s and the broker’s', () => {
    const topic = topicOf([[due], [due]], [1, 2]);
    first(topic).retryAt = NOW + 30;
    const paused = brokers({ retryAt: { 2: NOW + 20 } });
    expect(ready(topic, paused)).toEqual({ ...nothing, nextCheckAt: NOW + 20 });
    first(topic).retryAt = NOW;
    expect(ready(topic, brokers({ retryAt: { 2: NOW } })).byLeader).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  it('asks for a leader where records have none, and not before the pause is over', () => {
    const topic = topicOf([[due], [due]], [-1, 1]);
    expect(ready(topic)).toEqual({ ...nothing, byLeader: [[1, 1]], leaderMissing: true });
    expect(ready(topicOf([[], [due]], [-1, 1])).leaderMissing).toBe(false);
    first(topic).retryAt = NOW + 30;
    expect(ready(topic)).toEqual({ ...nothing, byLeader: [[1, 1]], nextCheckAt: NOW + 30 });
  });
});
