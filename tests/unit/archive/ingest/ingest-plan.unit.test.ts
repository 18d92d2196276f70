import { describe, expect, test } from 'vitest';
import { offsetsToRead } from '../../../../archive/ingest/ingest-plan.ts';

const position = (offset: number) => ({
  next: offset + 1,
  last: { offset, identity: Buffer.alloc(16) },
});
const planned = { partition: 3, from: 0, to: 50 };

describe('a partition is read', () => {
  test('from the last archived record on, to know the log again', () => {
    expect(offsetsToRead(planned, position(20), 0, 90)).toEqual({ from: 20, to: 50 });
  });

  test('from the next one where retention has removed that, or nothing was archived', () => {
    expect(offsetsToRead(planned, position(20), 21, 90)).toEqual({ from: 21, to: 50 });
    expect(offsetsToRead(planned, { next: 7, last: null }, 0, 90)).toEqual({ from: 7, to: 50 });
  });

  test.each([
    ['begins after the next record', 22, 90],
    ['ends before the plan does', 0, 49],
  ])('not at all when the log %s', (_, low, high) => {
    expect(() => offsetsToRead(planned, position(20), low, high)).toThrow(
      expect.objectContaining({ code: 'MARQUEE_OFFSET_OUTSIDE_LOG' }) as Error,
    );
  });
});
