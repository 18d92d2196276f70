import { describe, expect, test } from 'vitest';
import { isOrphan } from '../../../archive/maintenance/remove-orphans.ts';
import { firstOffsetIn, mergedObject, rangeObject } from '../../../archive/object-names.ts';

const TOPIC = 'user-actions.v1';
const source = { topic: TOPIC, partition: 3, from: 1_200, to: 1_450 };
const range = rangeObject('archived-events/', '2026-11-20', source);

describe('an object is named', () => {
  test('by date, topic, partition and offsets', () => {
    expect(range).toBe('archived-events/date=2026-11-20/user-actions.v1-3-1200-1450.parquet');
  });

  test('without the colon of a pseudo-topic', () => {
    const history = { topic: 'backfill:ab', partition: 0, from: 0, to: 9 };
    expect(rangeObject('', '1996-03-29', history)).toBe(
      'date=1996-03-29/backfill-ab-0-0-9.parquet',
    );
    expect(mergedObject('', { topic: 'backfill:ab', date: '1996-03-29', id: 7 })).toBe(
      'date=1996-03-29/backfill-ab-merged-7.parquet',
    );
  });
});

test('the first offset is told from the name of a range of that topic and partition alone', () => {
  expect(firstOffsetIn(range, TOPIC, 3)).toBe(1_200);
  expect(firstOffsetIn(range, TOPIC, 2)).toBeNull();
  expect(firstOffsetIn(range, 'movies.v1', 3)).toBeNull();
  const merged = mergedObject('', { topic: TOPIC, date: '2026-11-20', id: 7 });
  expect(firstOffsetIn(merged, TOPIC, 3)).toBeNull();
});

describe('an orphan', () => {
  const positions = [{ topic: TOPIC, partition: 3, next: 1_200 }];

  test('is what nothing lists', () => {
    expect(isOrphan(range, { names: new Set([range]), positions: [] })).toBe(false);
    expect(isOrphan(range, { names: new Set(), positions: [] })).toBe(true);
  });

  test('is not what a rerun of a plan would write again', () => {
    expect(isOrphan(range, { names: new Set(), positions })).toBe(false);
    const before = rangeObject('', '2026-11-20', { ...source, from: 1_100 });
    expect(isOrphan(before, { names: new Set(), positions })).toBe(true);
  });
});
