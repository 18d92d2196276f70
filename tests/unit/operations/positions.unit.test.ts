import { expect, it } from 'vitest';
import type { PositionReport } from '../../../operations/positions.ts';
import { isSound, planReset } from '../../../operations/positions.ts';

const report = (over: Partial<PositionReport>): PositionReport => ({
  partition: 3,
  next: 100,
  last: null,
  owner: null,
  connected: false,
  log: { start: 0, end: 200 },
  identity: 'same',
  verdict: 'good',
  ...over,
});
const plan = (over: Partial<PositionReport>, to: 'start' | 'end' | number, anotherLog = false) =>
  planReset(report(over), { to, anotherLog });

it('skips forward in the same log and says what is never applied', () => {
  expect(plan({ log: { start: 150, end: 200 } }, 'start')).toMatchObject({
    standsAt: 100,
    goesOnAt: 150,
    anotherLog: false,
    meaning: '50 offsets that the log no longer holds and 0 that it does hold are never applied',
  });
  expect(plan({ log: { start: 150, end: 200 } }, 180).meaning).toBe(
    '50 offsets that the log no longer holds and 30 that it does hold are never applied',
  );
  expect(plan({}, 'end')).toMatchObject({ goesOnAt: 200, anotherLog: false });
});

it('never goes back in the same log', () => {
  expect(() => plan({}, 'start')).toThrow(/marquee replay/);
  expect(() => plan({}, 99)).toThrow(/lies before 100/);
  expect(() => plan({}, 100)).toThrow(/stands at 100 already/);
});

it('takes a position beyond the end, another record, or the word of the operator for another log', () => {
  expect(plan({ next: 500 }, 'start')).toMatchObject({ goesOnAt: 0, anotherLog: true });
  expect(plan({ identity: 'another' }, 'start').anotherLog).toBe(true);
  expect(plan({}, 'start', true).anotherLog).toBe(true);
  expect(plan({ identity: 'another' }, 20).meaning).toContain(
    '20 records of the new log are skipped',
  );
});

it('refuses an offset that the log does not have', () => {
  expect(() => plan({}, 201)).toThrow(/not in the log \[0, 200\)/);
  expect(() => plan({ log: { start: 150, end: 200 } }, 120)).toThrow(/not in the log/);
  expect(() => plan({ log: null }, 'start')).toThrow(/partition 3/);
});

it('calls a position sound when it lies in the log that was processed', () => {
  expect(isSound(report({}))).toBe(true);
  expect(isSound(report({ identity: 'unknown' }))).toBe(true);
  expect(isSound(report({ next: 200 }))).toBe(true);
  expect(isSound(report({ next: 201 }))).toBe(false);
  expect(isSound(report({ log: { start: 101, end: 200 } }))).toBe(false);
  expect(isSound(report({ identity: 'another' }))).toBe(false);
  expect(isSound(report({ log: null }))).toBe(false);
});
