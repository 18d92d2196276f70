import { join } from 'node:path';
import { readCsv } from './csv-file.ts';
import { firstFault } from '../row-fault.ts';
import type { RowFault } from '../row-fault.ts';
import { parseId, parseSeconds, parseStars } from './fields.ts';
import { addRating, createColumns, orderRows } from './rating-columns.ts';
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
      else
        addRating(columns, {
          user: user as number,
          movie: movie as number,
          stars: stars as number,
          seconds: seconds as number,
          line,
        });
    },
    bad: (line, reason) => {
      rejects.add(FILE, line, { kind: 'bad line', reason });
    },
  });
  const rows = orderRows(columns, (line, firstLine) => {
    rejects.add(FILE, line, {
      kind: 'duplicate',
      reason: `the same rating as in line ${firstLine}`,
    });
  });
  return {
    count: rows.length,
    users: Uint32Array.from(rows, (row) => columns.users[row] as number),
    movies: Uint32Array.from(rows, (row) => columns.movies[row] as number),
    stars: Float64Array.from(rows, (row) => columns.stars[row] as number),
    seconds: Uint32Array.from(rows, (row) => columns.seconds[row] as number),
    leftOut: rejects.count() - before,
    hash,
  };
}
