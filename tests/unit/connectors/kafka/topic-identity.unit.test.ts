import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LogClient } from '../../../../connectors/kafka/log-client.ts';
import { createTopicIdentity } from '../../../../connectors/kafka/topic-identity.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Brokers that know the topic by the id that the test says; null: they don't know it. */
function brokers(first: string | null) {
  const state = { id: first };
  const log = { topicId: () => Promise.resolve(state.id) } as unknown as LogClient;
  return { state, identity: createTopicIdentity('topic', log) };
}

test('a topic that is there as before is not gone', async () => {
  const { identity } = brokers('a');
  expect(await identity.pinned(0)).toBe('a');
  expect(await identity.gone([0])).toEqual(new Set());
});

test('a topic made again has another id: the partitions started before it are gone', async () => {
  const { state, identity } = brokers('a');
  await identity.pinned(0);
  state.id = 'b';
  // Partition 1 was not started yet, so it begins with the topic as it is.
  expect(await identity.gone([0, 1])).toEqual(new Set([0]));
  expect(await identity.pinned(0)).toBe('a');
  expect(await identity.pinned(1)).toBe('b');
});

test('once the receiver was told, a start takes the topic as it is then', async () => {
  const { state, identity } = brokers('a');
  await identity.pinned(0);
  state.id = 'b';
  await identity.gone([0]);
  identity.forget(0);
  expect(await identity.pinned(0)).toBe('b');
});

test('a topic that nobody knows for a moment may be a broker that still loads', async () => {
  const { state, identity } = brokers('a');
  await identity.pinned(0);
  state.id = null;
  expect(await identity.gone([0])).toBeUndefined();
  vi.advanceTimersByTime(2_999);
  expect(await identity.gone([0])).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(await identity.gone([0])).toEqual(new Set([0]));
});

test('a topic that comes back in time was never gone', async () => {
  const { state, identity } = brokers('a');
  await identity.pinned(0);
  state.id = null;
  await identity.gone([0]);
  state.id = 'a';
  vi.advanceTimersByTime(60_000);
  expect(await identity.gone([0])).toEqual(new Set());
  state.id = null;
  expect(await identity.gone([0])).toBeUndefined();
});

test('a topic that is not there has no id to read it by', async () => {
  const { state, identity } = brokers(null);
  expect(await identity.pinned(0)).toBeUndefined();
  state.id = 'a';
  expect(await identity.pinned(0)).toBe('a');
});
