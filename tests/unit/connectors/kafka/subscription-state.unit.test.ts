import { expect, test } from 'vitest';
import {
  createSubscriptionState,
  isFetchable,
} from '../../../../connectors/kafka/subscription-state.ts';
import type { SubscribedPartition } from '../../../../connectors/kafka/subscription-state.ts';

function assigned(...partitions: number[]) {
  const subscription = createSubscriptionState('topic');
  subscription.assign(partitions);
  const of = (partition: number): SubscribedPartition => {
    const found = subscription.get(partition);
    if (found === undefined) throw new Error(`no partition ${partition}`);
    return found;
  };
  return { subscription, of };
}

test('an assigned partition is silent until it is started', () => {
  const { subscription, of } = assigned(3);
  subscription.pause(3);
  subscription.resume(3);
  expect(of(3)).toMatchObject({ topic: 'topic', partition: 3, phase: 'silent', paused: false });
  expect(isFetchable(of(3))).toBe(false);
  subscription.start(3, 40);
  expect(of(3)).toMatchObject({ phase: 'reading', position: 40 });
  expect(isFetchable(of(3))).toBe(true);
});

test('a pause lasts until it is resumed or started again', () => {
  const { subscription, of } = assigned(0);
  subscription.start(0, 1);
  subscription.pause(0);
  expect(isFetchable(of(0))).toBe(false);
  subscription.resume(0);
  expect(isFetchable(of(0))).toBe(true);
  subscription.pause(0);
  subscription.start(0, 2);
  expect(isFetchable(of(0))).toBe(true);
});

test('a start throws away what was fetched before it', () => {
  const { subscription, of } = assigned(0);
  subscription.start(0, 1);
  const { round } = of(0);
  of(0).fetched = { batches: [], visible: new Set(), logEnd: 9, nextBatch: 0 };
  subscription.start(0, 1);
  expect(of(0).round).toBeGreaterThan(round);
  expect(of(0).fetched).toBeUndefined();
});

test('whoever still works on a revoked partition sees that it is over', () => {
  const { subscription, of } = assigned(0, 1);
  subscription.start(0, 5);
  const kept = of(0);
  const { round } = kept;
  expect(subscription.revoke([0, 7])).toEqual([{ topic: 'topic', partition: 0 }]);
  expect(kept.phase).toBe('silent');
  expect(kept.round).toBeGreaterThan(round);
  expect(subscription.all().map(({ partition }) => partition)).toEqual([1]);
  subscription.start(0, 6);
  expect(kept.phase).toBe('silent');
});

test('without a list all is revoked, and once', () => {
  const { subscription } = assigned(0, 1);
  expect(subscription.revoke()).toHaveLength(2);
  expect(subscription.revoke()).toEqual([]);
});
