import { ApiProblem } from './problem.ts';

/** `1994`, `1990..1999`, `1990..` or `..1999`. */
export const YEAR_RANGE = '^([0-9]{4}|[0-9]{4}\\.\\.([0-9]{4})?|\\.\\.[0-9]{4})$';

export interface YearRange {
  readonly yearFrom: number | null;
  readonly yearTo: number | null;
}

const ANY: YearRange = { yearFrom: null, yearTo: null };

/** Reads a range of years that has the form; both ends belong to it. */
export function parseYearRange(text: string | undefined): YearRange {
  if (text === undefined) return ANY;
  const [from = '', to = from] = text.split('..');
  const range = {
    yearFrom: from === '' ? null : Number(from),
    yearTo: to === '' ? null : Number(to),
  };
  if (range.yearFrom !== null && range.yearTo !== null && range.yearFrom > range.yearTo)
    throw new ApiProblem('invalid_request', `year is ${text}: it ends before it begins`, {
      field: 'year',
    });
  return range;
}
