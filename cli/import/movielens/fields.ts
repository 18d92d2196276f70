import type { RowFault } from '../row-fault.ts';

/** Ids and times are kept in 32 bits: 4,294,967,295 movies or users, and seconds up to 2106. */
const NUMBER_MAX = 2 ** 32 - 1;
const WHOLE = /^(?:0|[1-9]\d{0,15})$/;
const DECIMAL = /^\d{1,4}(?:\.\d{1,6})?$/;

/** A whole number from 1, in its canonical form: `007` would be another user than `7`. */
export function parseId(name: string, text: string): number | RowFault {
  const id = WHOLE.test(text) ? Number(text) : NaN;
  if (id >= 1 && id <= NUMBER_MAX) return id;
  return { kind: 'bad number', reason: `${name} ${quote(text)} is not a number from 1` };
}

/** Seconds since 1970. Not after `nowMs`: a time in milliseconds would be far in the future. */
export function parseSeconds(text: string, nowMs: number): number | RowFault {
  const kind = 'bad number';
  const seconds = WHOLE.test(text) ? Number(text) : NaN;
  if (!(seconds <= NUMBER_MAX))
    return { kind, reason: `timestamp ${quote(text)} is not in seconds since 1970` };
  if (seconds * 1000 <= nowMs) return seconds;
  const time = new Date(seconds * 1000).toISOString();
  return { kind, reason: `timestamp ${text} is in the future (${time})` };
}

export function parseStars(text: string): number | RowFault {
  if (!DECIMAL.test(text))
    return { kind: 'bad number', reason: `rating ${quote(text)} is not a number` };
  const stars = Number(text);
  if (stars >= 0.5 && stars <= 5) return stars;
  return { kind: 'out of range', reason: `rating ${text} is not from 0.5 to 5` };
}

// A year of release, or of the first and last season of a series: (2006–2007), (2011-).
const YEAR_AT_END = /^(.*\S)\s*\((\d{4})(?:[-–](?:\d{4})?)?\)$/;

/** The year stands in parentheses at the end of the title; some titles have none. */
export function parseTitle(text: string): { readonly title: string; readonly year: number | null } {
  const trimmed = text.trim();
  const match = YEAR_AT_END.exec(trimmed);
  if (match === null) return { title: trimmed, year: null };
  return { title: match[1] as string, year: Number(match[2]) };
}

export function parseGenres(text: string): string[] {
  if (text === '(no genres listed)') return [];
  const names = text.split('|').map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
