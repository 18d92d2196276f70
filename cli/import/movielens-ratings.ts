import { join } from 'node:path';
import { readCsv } from './csv-file.ts';
import { parseId, parseSeconds, parseStars } from './movielens-fields.ts';
import type { Rejects } from './rejects.ts';

/**
 * Ratings by column, ordered by time, then user, then movie. 24 bytes a rating, so that the largest
 * MovieLens set (34 million) fits in less than a gigabyte.
 */
export interface Ratings {
  readonly count: number;
  readonly users: Uint32Array;
  readonly movies: Uint32Array;
  readonly stars: Float64Array;
  /** Seconds since 1970. */
  readonly seconds: Uint32Array;
  /** SHA-256 of ratings.csv. */
  readonly hash: string;
}

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
  const file = 'ratings.csv';
  let users = new Uint32Array(FIRST_ROOM);
  let movies = new Uint32Array(FIRST_ROOM);
  let seconds = new Uint32Array(FIRST_ROOM);
  let lines = new Uint32Array(FIRST_ROOM);
  let stars = new Float64Array(FIRST_ROOM);
  let count = 0;

  const hash = await readCsv(join(folder, file), ['userId', 'movieId', 'rating', 'timestamp'], {
    row([userText, movieText, starsText, timeText], line) {
      const user = parseId('userId', userText as string);
      const movie = parseId('movieId', movieText as string);
      const value = parseStars(starsText as string);
      const time = parseSeconds(timeText as string, nowMs);
      if (typeof user === 'string') return rejects.add(file, line, user, 'bad number');
      if (typeof movie === 'string') return rejects.add(file, line, movie, 'bad number');
      if (typeof value === 'string')
        return rejects.add(
          file,
          line,
          value,
          value.endsWith('number') ? 'bad number' : 'out of range',
        );
      if (typeof time === 'string') return rejects.add(file, line, time, 'bad number');
      if (!isKnownMovie(movie))
        return rejects.add(file, line, `unknown movie ${String(movie)}`, 'unknown movie');
      if (count === users.length) {
        users = grown(users);
        movies = grown(movies);
        seconds = grown(seconds);
        lines = grown(lines);
        const more = new Float64Array(2 * count);
        more.set(stars);
        stars = more;
      }
      users[count] = user;
      movies[count] = movie;
      seconds[count] = time;
      lines[count] = line;
      stars[count] = value;
      count += 1;
    },
    bad: (line, reason) => {
      rejects.add(file, line, reason, 'bad line');
    },
  });

  const at = (column: Uint32Array | Float64Array, row: number): number => column[row] as number;
  const order = Uint32Array.from({ length: count }, (_, row) => row).sort(
    (a, b) =>
      at(seconds, a) - at(seconds, b) ||
      at(users, a) - at(users, b) ||
      at(movies, a) - at(movies, b) ||
      a - b,
  );
  let kept = 0;
  let last = -1;
  for (const row of order) {
    const isRepeat =
      last >= 0 &&
      at(seconds, row) === at(seconds, last) &&
      at(users, row) === at(users, last) &&
      at(movies, row) === at(movies, last);
    if (isRepeat) {
      const first = String(at(lines, last));
      rejects.add(file, at(lines, row), `the same rating as in line ${first}`, 'duplicate');
    } else {
      order[kept] = row;
      kept += 1;
      last = row;
    }
  }
  const rows = order.subarray(0, kept);
  return {
    count: kept,
    users: Uint32Array.from(rows, (row) => at(users, row)),
    movies: Uint32Array.from(rows, (row) => at(movies, row)),
    stars: Float64Array.from(rows, (row) => at(stars, row)),
    seconds: Uint32Array.from(rows, (row) => at(seconds, row)),
    hash,
  };
}

function grown(column: Uint32Array): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(2 * column.length);
  more.set(column);
  return more;
}
