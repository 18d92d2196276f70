import { expect, test } from 'vitest';
import { batchIsDue } from '../../../../cli/batch/due.ts';
import { HOUR_MS } from '../../../../common/time.ts';

const NOW = 1_000 * HOUR_MS;
const IDLE = { busy: false, input: true, serving: true };
const ago = (hours: number | null) => (hours === null ? null : NOW - hours * HOUR_MS);

test.each([
  ['there is input, and no run yet', null, null, null, true],
  ['the archive ran, and no batch yet', null, null, 1, true],
  ['the archive ran after the last run', 20, 20, 1, true],
  ['the last run came after the archive', 1, 1, 2, false],
  ['the last run failed a while ago', 2, 26, 2.5, true],
  ['the last run failed just now', 0.5, 26, 1, false],
  ['the first run failed a while ago', 2, null, 3, true],
  ['the archive does not run any more', 25, 25, 30, true],
  ['the archive does not run any more, for some hours', 24, 24, 30, false],
  ['the archive never ran', 25, 25, null, true],
])('%s', (_, started, succeeded, archived, due) => {
  const times = { started: ago(started), succeeded: ago(succeeded), archived: ago(archived) };
  expect(batchIsDue({ ...times, ...IDLE }, NOW)).toBe(due);
  expect(batchIsDue({ ...times, ...IDLE, busy: true }, NOW)).toBe(false);
  expect(batchIsDue({ ...times, ...IDLE, input: false }, NOW)).toBe(false);
});

test('as long as no model serves there is a try each hour', () => {
  const at = (hours: number) =>
    batchIsDue(
      { ...IDLE, serving: false, started: ago(hours), succeeded: ago(hours), archived: null },
      NOW,
    );
  expect([at(1), at(0.9)]).toEqual([true, false]);
});
