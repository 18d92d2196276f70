import { describe, expect, test } from 'vitest';
import { accountOf, compareWithArchive } from '../../../../archive/audit/hour-accounts.ts';
import type { HourAccountRow } from '../../../../archive/audit/hour-accounts.ts';

const row = (over: Partial<HourAccountRow> = {}): HourAccountRow => ({
  partition: 2,
  hour: '2026-11-20T05:00:00+00:00',
  from_offset: 100,
  to_offset: 200,
  ok: 90,
  duplicate: 4,
  too_late: 1,
  dead: 5,
  skipped: 0,
  a_ok: 95,
  a_dead: 5,
  a_to: 200,
  same_ids: true,
  same_contents: true,
  archive_next: 200,
  ...over,
});
const details = (over: Partial<HourAccountRow>) =>
  compareWithArchive('user-actions.v1', [row(over)]).map(({ detail }) => detail);

describe('an hour that the archive has passed', () => {
  test('must hold what was applied, sent again or too late', () => {
    expect(details({})).toEqual([]);
    expect(details({ a_ok: 94 })).toEqual([
      '94 events archived; 95 were good and 0 dead here alone',
    ]);
    expect(details({ a_ok: null, a_dead: null, a_to: 200 })).toHaveLength(1);
  });

  test('must hold the same ids and contents', () => {
    expect(details({ same_ids: false })).toEqual(['as many events, but other ones']);
    expect(details({ same_contents: false })).toEqual(['the same events with other contents']);
  });

  test('may hold events that the database refused here', () => {
    expect(details({ dead: 7, ok: 88, a_ok: 95, same_ids: false })).toEqual([]);
  });
});

test('an hour that the archive has not passed is not compared, and has no number of it', () => {
  for (const over of [{ archive_next: 199 }, { archive_next: null }]) {
    expect(details({ ...over, a_ok: 0 })).toEqual([]);
    expect(accountOf(row(over)).archived).toBeNull();
  }
  expect(accountOf(row())).toMatchObject({ records: 100, archived: 95 });
});
