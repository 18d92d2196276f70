import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../../sdk/src/batch-outcome.ts';

const again = { kind: 'retry', refreshMetadata: false, renewIdentity: false };

describe('outcomeOf', () => {
  it.each([
    ['no error', 0],
    ['DUPLICATE_SEQUENCE_NUMBER: an earlier try brought it there', 46],
  ])('acknowledges on %s', (_, code) => {
    expect(outcomeOf(code, 3)).toEqual({ kind: 'acknowledged' });
  });

  it.each([
    ['REQUEST_TIMED_OUT', 7, again],
    ['NOT_ENOUGH_REPLICAS', 19, again],
    ['NOT_LEADER_OR_FOLLOWER', 6, { ...again, refreshMetadata: true }],
    ['UNKNOWN_TOPIC_OR_PARTITION', 3, { ...again, refreshMetadata: true }],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', 45, { ...again, renewIdentity: true }],
    ['UNKNOWN_PRODUCER_ID', 59, { ...again, renewIdentity: true }],
  ])('tries again on %s', (_, code, outcome) => {
    expect(outcomeOf(code, 3)).toEqual(outcome);
  });

  it.each([10, 18])('splits what is too large (%i), until a record is alone', (code) => {
    expect(outcomeOf(code, 2)).toEqual({ kind: 'split' });
    expect(outcomeOf(code, 1)).toEqual({ kind: 'fail', code: 'MARQUEE_EVENT_REFUSED' });
  });

  it.each([
    ['INVALID_TIMESTAMP', 32],
    ['a code that nobody knows', 9_999],
  ])('fails on %s', (_, code) => {
    expect(outcomeOf(code, 3)).toEqual({ kind: 'fail', code: 'MARQUEE_KAFKA_REFUSED' });
  });
});
