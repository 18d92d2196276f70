import { beforeEach, expect, it } from 'vitest';
import { decodedBatch } from '../../../../connectors/kafka/decoded-batch.ts';
import type {
  ConsumerHandlers,
  FetchedBatch,
  KafkaConsumer,
} from '../../../../connectors/kafka/port.ts';
import {
  boundConsumer,
  type BoundedConsumer,
} from '../../../../streams/replay/bounded-consumer.ts';

const at = { topic: 't', partition: 0 };
let calls: string[];
let delivered: [from: number, next: number, records: number[], logEnd: number][];
let inner: ConsumerHandlers;
let bounded: BoundedConsumer;

beforeEach(() => {
  calls = [];
  delivered = [];
  const consumer = {
    run(handlers: ConsumerHandlers) {
      inner = handlers;
      return Promise.resolve();
    },
    start: (_: unknown, offset: number) => calls.push(`start ${offset}`),
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    commit: () => {
      calls.push('commit');
      return Promise.resolve();
    },
    bounds: () => Promise.resolve(new Map([[0, { start: 5, end: 900 }]])),
  } as unknown as KafkaConsumer;
  bounded = boundConsumer(consumer, 't', new Map([[0, 10]]));
  void bounded.consumer.run({
    assigned: (partitions) => {
      calls.push(`assigned ${partitions.map((p) => p.partition).join()}`);
      return Promise.resolve();
    },
    revoked: () => Promise.resolve(),
    batch: (b) =>
      delivered.push([b.from, b.next, b.records().map((record) => record.offset), b.logEnd]),
    offsetOutOfLog: () => undefined,
    fault: () => undefined,
  });
});

const batch = (from: number, next: number): FetchedBatch =>
  decodedBatch(
    { ...at, from, next, logEnd: 900 },
    Array.from({ length: next - from }, (_, i) => ({
      offset: from + i,
      timestamp: 0,
      key: null,
      value: null,
      headers: {},
    })),
  );

it('cuts what lies beyond the limit, waits there, and goes on when it is raised', () => {
  bounded.consumer.start(at, 0);
  inner.batch(batch(0, 4));
  inner.batch(batch(4, 12));
  inner.batch(batch(12, 20));
  expect(delivered).toEqual([
    [0, 4, [0, 1, 2, 3], 10],
    [4, 10, [4, 5, 6, 7, 8, 9], 10],
  ]);
  bounded.raise(new Map([[0, 10]]));
  expect(calls).toEqual(['start 0', 'pause']);
  bounded.raise(new Map([[0, 15]]));
  expect(calls).toEqual(['start 0', 'pause', 'start 10']);
  inner.batch(batch(10, 15));
  expect(delivered.at(-1)?.slice(0, 2)).toEqual([10, 15]);
  expect(calls.at(-1)).toBe('pause');
});

it('does not read at all from an offset at its limit', () => {
  bounded.consumer.start(at, 10);
  inner.batch(batch(10, 11));
  expect([calls, delivered]).toEqual([['pause'], []]);
});

it('leaves a pause to who made it', () => {
  bounded.consumer.start(at, 0);
  inner.batch(batch(0, 10));
  bounded.consumer.pause(at);
  bounded.raise(new Map([[0, 20]]));
  expect(calls.slice(-2)).toEqual(['start 10', 'pause']);
  bounded.consumer.resume(at);
  expect(calls.at(-1)).toBe('resume');
  inner.batch(batch(10, 20));
  bounded.consumer.pause(at);
  bounded.consumer.resume(at);
  expect(calls.at(-1)).toBe('pause');
});

it('hides the log beyond the limit and partitions without one, and tells Kafka nothing', async () => {
  expect(await bounded.consumer.bounds('t', [0])).toEqual(new Map([[0, { start: 5, end: 10 }]]));
  await inner.assigned([at, { topic: 't', partition: 7 }]);
  await bounded.consumer.commit([{ ...at, next: 5 }]);
  expect(calls).toEqual(['assigned 0']);
});
