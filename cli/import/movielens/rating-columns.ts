const FIRST_ROOM = 1 << 17;

/** Ratings by column, in the order of their lines; what lies beyond `count` is room for more. */
export interface RatingColumns {
  count: number;
  users: Uint32Array<ArrayBuffer>;
  movies: Uint32Array<ArrayBuffer>;
  stars: Float64Array<ArrayBuffer>;
  /** Since 1970. */
  seconds: Uint32Array<ArrayBuffer>;
  /** Of the file, from 1. */
  lines: Uint32Array<ArrayBuffer>;
}

export interface RatingRow {
  readonly user: number;
  readonly movie: number;
  readonly stars: number;
  readonly seconds: number;
  readonly line: number;
}

export function createColumns(room = FIRST_ROOM): RatingColumns {
  return {
    count: 0,
    users: new Uint32Array(room),
    movies: new Uint32Array(room),
    stars: new Float64Array(room),
    seconds: new Uint32Array(room),
    lines: new Uint32Array(room),
  };
}

export function addRating(columns: RatingColumns, row: RatingRow): void {
  const { count } = columns;
  if (count === columns.users.length) grow(columns);
  columns.users[count] = row.user;
  columns.movies[count] = row.movie;
  columns.stars[count] = row.stars;
  columns.seconds[count] = row.seconds;
  columns.lines[count] = row.line;
  columns.count = count + 1;
}

function grow(columns: RatingColumns): void {
  const { users, movies, stars, seconds, lines } = columns;
  Object.assign(columns, createColumns(2 * users.length), { count: columns.count });
  columns.users.set(users);
  columns.movies.set(movies);
  columns.stars.set(stars);
  columns.seconds.set(seconds);
  columns.lines.set(lines);
}

/**
 * Row numbers by time, then user, then movie. Of rows that are alike in all three the first line
 * stays, and `onRepeat` is told of each other one.
 */
export function orderRows(
  { count, users, movies, seconds, lines }: RatingColumns,
  onRepeat: (line: number, firstLine: number) => void,
): Uint32Array {
  const at = (column: Uint32Array, row: number): number => column[row] as number;
  const compare = (a: number, b: number): number =>
    at(seconds, a) - at(seconds, b) || at(users, a) - at(users, b) || at(movies, a) - at(movies, b);
  const rows = Uint32Array.from({ length: count }, (_, row) => row).sort(
    (a, b) => compare(a, b) || a - b,
  );
  let kept = 0;
  for (const row of rows) {
    const last = kept === 0 ? null : at(rows, kept - 1);
    if (last !== null && compare(row, last) === 0) {
      onRepeat(at(lines, row), at(lines, last));
      continue;
    }
    rows[kept] = row;
    kept += 1;
  }
  return rows.subarray(0, kept);
}
