import { expect, test } from 'vitest';
import { barsOf } from '../../../eval/realtime/bars.ts';
import type { Judged } from '../../../eval/realtime/judge.ts';
import { referenceOf } from '../../../eval/realtime/reference.ts';

const at = (mean: number) => ({ mean, low: mean, high: mean });
const judged = (kind: Judged['kind'], system: number, gain: number) =>
  ({ kind, system: at(system), gain: at(gain) }) as Judged;

test('a bar holds from its value on, and each is of its own kind of place', () => {
  const bars = barsOf([
    judged('live', 0.13, -1),
    judged('visit', 0, 0.0199),
    judged('pause', 0, -0.003),
  ]);
  expect(bars.map(({ value, holds }) => [value, holds])).toEqual([
    [0.13, true],
    [0.0199, false],
    [-0.003, true],
  ]);
});

test('other data have no reference rows', () => {
  expect(referenceOf({ count: 0, byUser: new Map() })).toBeNull();
});
