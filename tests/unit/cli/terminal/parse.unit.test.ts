import { expect, it } from 'vitest';
import { parseCount, parseTime, parseWhole } from '../../../../cli/terminal/parse.ts';
import { HOUR_MS } from '../../../../common/time.ts';

it('reads times as UTC unless they say otherwise', () => {
  const noon = Date.UTC(2026, 10, 20, 12);
  for (const text of ['2026-11-20T12:00Z', '2026-11-20T12:00', '2026-11-20T13:00+01:00'])
    expect(parseTime(text)).toBe(noon);
  expect(parseTime('2026-11-20')).toBe(Date.UTC(2026, 10, 20));
});

it('reads ages', () => {
  const hourAgo = Date.now() - HOUR_MS;
  expect(Math.abs(parseTime('60m') - hourAgo)).toBeLessThan(5_000);
  expect(Math.abs(parseTime('1h') - hourAgo)).toBeLessThan(5_000);
});

it.each(['', 'yesterday', '5', '2026-13-40T00:00Z', '12:00', '1w', '-1h'])('refuses %j', (text) => {
  expect(() => parseTime(text)).toThrow(/expected a time/);
});

it.each(['-1', '1.5', 'x', '', '99999999999999999'])('takes %j for no number', (text) => {
  expect(() => parseWhole(text)).toThrow(/whole number/);
});

it('wants at least one where a count is asked for', () => {
  expect(() => parseCount('0')).toThrow(/from 1/);
  expect(parseCount('7')).toBe(7);
});
