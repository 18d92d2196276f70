import { join } from 'node:path';
import { readCsv } from './csv-file.ts';
import { firstFault, parseId, parseSeconds, parseStars } from './fields.ts';
import type { RowFault } from './fields.ts';
import type { Rejects } from '../rejects.ts';

/**
 * Ratings by column, ordered by time, then user, then movie: 20 bytes a rating, so that the largest
 * MovieLens set (34 million) fits in less than a gigabyte.
 */
export interface Ratings {
  readonly count: number;
  readonly users: Uint32Array;
  readonly movies: Uint32Array;
  readonly stars: Float64Array;
  /** Seconds since 1970. */
  readonly seconds: Uint32Array;
  /** Lines that could not be used. */
  readonly leftOut: number;
  /** SHA-256 of ratings.csv. */
  readonly hash: string;
}

const FILE = 'ratings.csv';
const FIRST_ROOM = 1 << 17;

/**
 * Reads ratings.csv. A rating of the same movie by the same user in the same second is the same
 * rating; one at another time is the user's change of mind and stays. Throws MARQUEE_IMPORT_FILE.
 */
export async function readRatings(
  folder: string,
  isKnownMovie: (movieId: number) => boolean,
  rejects: Rejects,
  nowMs: number,
): Promise<Ratings> {
  const columns = createColumns();
  const before = rejects.count();
  const hash = await readCsv(join(folder, FILE), ['userId', 'movieId', 'rating', 'timestamp'], {
    row([userText = '', movieText = '', starsText = '', timeText = ''], line) {
      const user = parseId('userId', userText);
      const movie = parseId('movieId', movieText);
      const stars = parseStars(starsText);
      const seconds = parseSeconds(timeText, nowMs);
      const unknown: RowFault | null =
        typeof movie !== 'number' || isKnownMovie(movie)
          ? null
          : { kind: 'unknown movie', reason: `unknown movie ${movieText}` };
      const fault = firstFault(user, movie, stars, seconds, unknown);
      if (fault !== null) rejects.add(FILE, line, fault);
      else columns.add(user as number, movie as number, stars as number, seconds as number, line);
    },
    bad: (line, reason) => {
      rejects.add(FILE, line, { kind: 'bad line', reason });
    },
  });
  const ordered = columns.ordered(rejects);
  return { ...ordered, leftOut: rejects.count() - before, hash };
}

function createColumns() {
  let users = new Uint32Array(FIRST_ROOM);
  let movies = new Uint32Array(FIRST_ROOM);
  let seconds = new Uint32Array(FIRST_ROOM);
  let lines = new Uint32Array(FIRST_ROOM);
  let stars = new Float64Array(FIRST_ROOM);
  let count = 0;
  const at = (column: Uint32Array | Float64Array, row: number): number => column[row] as number;

  function grow(): void {
    const grown = (column: Uint32Array): Uint32Array<ArrayBuffer> => {
      const more = new Uint32Array(2 * column.length);
      more.set(column);
      return more;
    };
    const moreStars = new Float64Array(2 * count);
    moreStars.set(stars);
    stars = moreStars;
    users = grown(users);
    movies = grown(movies);
    seconds = grown(seconds);
    lines = grown(lines);
  }

  function isSame(a: number, b: number): boolean {
    return (
      at(seconds, a) === at(seconds, b) &&
      at(users, a) === at(users, b) &&
      at(movies, a) === at(movies, b)
    );
  }

  /** Rows in order; repeats, which are neighbours then, go to `rejects`. */
  function order(rejects: Rejects): Uint32Array {
    const rows = Uint32Array.from({ length: count }, (_, row) => row).sort(
      (a, b) =>
        at(seconds, a) - at(seconds, b) ||
        at(users, a) - at(users, b) ||
        at(movies, a) - at(movies, b) ||
        a - b,
    );
    let kept = 0;
    for (const row of rows) {
      const last = kept === 0 ? null : at(rows, kept - 1);
      if (last !== null && isSame(row, last)) {
        const reason = `the same rating as in line ${at(lines, last)}`;
        rejects.add(FILE, at(lines, row), { kind: 'duplicate', reason });
        continue;
      }
      rows[kept] = row;
      kept += 1;
    }
    return rows.subarray(0, kept);
  }

  return {
    add(user: number, movie: number, value: number, second: number, line: number): void {
      if (count === users.length) grow();
      users[count] = user;
      movies[count] = movie;
      seconds[count] = second;
      lines[count] = line;
      stars[count] = value;
      count += 1;
    },
    ordered(rejects: Rejects): Omit<Ratings, 'hash' | 'leftOut'> {
      const rows = order(rejects);
      return {
        count: rows.length,
        users: Uint32Array.from(rows, (row) => at(users, row)),
        movies: Uint32Array.from(rows, (row) => at(movies, row)),
        stars: Float64Array.from(rows, (row) => at(stars, row)),
        seconds: Uint32Array.from(rows, (row) => at(seconds, row)),
      };
    },
  };
}
