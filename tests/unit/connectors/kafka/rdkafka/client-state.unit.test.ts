import { describe, expect, it } from 'vitest';
import {
  firstOffset,
  isPauseWanted,
  isSeekDue,
} from '../../../../../connectors/kafka/rdkafka/client-state.ts';
import { createSubscriptionState } from '../../../../../connectors/kafka/subscription-state.ts';
import type { SubscribedPartition } from '../../../../../connectors/kafka/subscription-state.ts';

function subscribed(over: Partial<SubscribedPartition> = {}): SubscribedPartition {
  const subscription = createSubscriptionState('topic');
  subscription.assign([0]);
  subscription.start(0, 42);
  return { ...(subscription.get(0) as SubscribedPartition), ...over };
}

const batch = {
  topic: 'topic',
  partition: 0,
  from: 42,
  next: 43,
  count: 0,
  bytes: 0,
  logEnd: 43,
  records: () => [],
};

describe('a partition that is given to librdkafka', () => {
  it('begins where it was started, or waits at the end', () => {
    expect(firstOffset(subscribed())).toEqual({ partition: 0, offset: 42 });
    expect(firstOffset(subscribed({ phase: 'silent' }))).toEqual({ partition: 0, offset: -1 });
  });
});

describe('a seek', () => {
  it('is due once for each start', () => {
    const started = subscribed();
    expect(isSeekDue(started, { round: started.round - 1, paused: false })).toBe(true);
    expect(isSeekDue(started, { round: started.round, paused: false })).toBe(false);
  });
  it.each(['silent', 'out-of-log'] as const)('is never due while %s', (phase) => {
    expect(isSeekDue(subscribed({ phase }), { round: 0, paused: false })).toBe(false);
  });
});

describe('librdkafka is paused', () => {
  it.each(['silent', 'out-of-log'] as const)('while the partition is %s', (phase) => {
    expect(isPauseWanted(subscribed({ phase }))).toBe(true);
  });
  it('for a pause that something came into, and not before', () => {
    expect(isPauseWanted(subscribed({ paused: true }))).toBe(false);
    expect(isPauseWanted(subscribed({ paused: true, undelivered: batch }))).toBe(true);
  });
  it('no longer than the receiver pauses', () => {
    expect(isPauseWanted(subscribed({ undelivered: batch }))).toBe(false);
  });
});
