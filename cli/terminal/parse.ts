import { InvalidArgumentError } from 'commander';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../common/time.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};

/**
 * A time (ISO 8601, UTC unless it says otherwise) or how long ago ('90m', '2h', '3d'): epoch ms.
 */
export function parseTime(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined)
    return Date.now() - Number(count) * (UNIT_MS[unit] ?? 0);
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(text);
  const hasZone = /(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = isDate || isTime ? Date.parse(isDate || hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('expected a time (2026-11-20T12:00Z) or an age (90m, 2h, 3d)');
  return ms;
}

export function parseWhole(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('expected a whole number from 0');
}

export function parseCount(text: string): number {
  const number = parseWhole(text);
  if (number > 0) return number;
  throw new InvalidArgumentError('expected a whole number from 1');
}
