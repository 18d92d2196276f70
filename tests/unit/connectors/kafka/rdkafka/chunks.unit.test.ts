import { expect, test } from 'vitest';
import { chunksOf, isStale } from '../../../../../connectors/kafka/rdkafka/chunks.ts';
import type { Consumed, RawMessage } from '../../../../../connectors/kafka/rdkafka/client.ts';
import { createSubscriptionState } from '../../../../../connectors/kafka/subscription-state.ts';

/** Partitions 0 and 1, read from offset 10. */
function reading() {
  const subscription = createSubscriptionState('topic');
  subscription.assign([0, 1]);
  for (const partition of [0, 1]) subscription.start(partition, 10);
  const take = (messages: RawMessage[], ends: Consumed['ends'] = []) =>
    [
      ...chunksOf({ messages, ends, error: undefined }, (partition) => subscription.get(partition)),
    ].map((chunk) => ({ ...chunk, offsets: chunk.records.map(({ offset }) => offset) }));
  return { subscription, take };
}

function message(partition: number, offset: number, over: Partial<RawMessage> = {}): RawMessage {
  const value = Buffer.from('v');
  return { topic: 'topic', partition, offset, value, size: 1, ...over };
}

test('each partition has its messages in order, and its position behind them', () => {
  const { subscription, take } = reading();
  const chunks = take([message(1, 10), message(0, 10), message(1, 12)]);
  expect(chunks).toMatchObject([
    { from: 10, next: 13, offsets: [10, 12] },
    { from: 10, next: 11, offsets: [10] },
  ]);
  expect(subscription.get(1)?.position).toBe(13);
});

test('what was fetched twice, or stands before the position, is passed over', () => {
  const { take } = reading();
  const [chunk] = take([message(0, 9), message(0, 10), message(0, 10), message(0, 11)]);
  expect(chunk).toMatchObject({ from: 10, next: 12, offsets: [10, 11] });
});

test('a partition that is not read gets nothing', () => {
  expect(reading().take([message(7, 10)], [{ partition: 7, offset: 20 }])).toEqual([]);
});

test('the end of a partition passes markers and gaps, and never goes back', () => {
  const { take } = reading();
  expect(take([message(0, 10)], [{ partition: 0, offset: 15 }])).toMatchObject([
    { from: 10, next: 15, offsets: [10] },
  ]);
  expect(take([], [{ partition: 0, offset: 12 }])).toEqual([]);
});

test('a chunk is stale once its partition was started anew or given up', () => {
  const { subscription, take } = reading();
  const [first, second] = take([message(0, 10), message(1, 10)]);
  subscription.start(0, 10);
  subscription.revoke([1]);
  expect([first, second].map((chunk) => chunk && isStale(chunk))).toEqual([true, true]);
});

test('a header keeps its last value, also under a name that objects have', () => {
  const headers = [{ a: Buffer.from('1') }, { ['__proto__']: Buffer.from('p') }, { a: 'x' }];
  const [chunk] = reading().take([message(0, 10, { headers })]);
  const found = chunk?.records[0]?.headers;
  expect(Object.keys(found ?? {})).toEqual(['a', '__proto__']);
  expect(found?.['a']).toBe('x');
});
