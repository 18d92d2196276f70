import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';

/** A rating of a MovieLens set. */
export interface Rating {
  readonly movieId: number;
  readonly rating: number;
  /** Epoch ms, of whole seconds. */
  readonly at: number;
}

export interface Ratings {
  /** Each user's ratings, by time and then by movie. */
  readonly byUser: ReadonlyMap<string, readonly Rating[]>;
  readonly count: number;
}

interface Row {
  readonly userId: string;
  readonly movieId: string;
  readonly rating: string;
  readonly timestamp: string;
}

export async function readRatings(folder: string): Promise<Ratings> {
  const bytes = await readFile(join(folder, 'ratings.csv'));
  const rows = parse<Row>(bytes, { columns: true });
  const byUser = new Map<string, Rating[]>();
  for (const { userId, movieId, rating, timestamp } of rows) {
    const ratings = byUser.get(userId) ?? [];
    if (ratings.length === 0) byUser.set(userId, ratings);
    ratings.push({
      movieId: Number(movieId),
      rating: Number(rating),
      at: Number(timestamp) * 1000,
    });
  }
  for (const ratings of byUser.values())
    ratings.sort((a, b) => a.at - b.at || a.movieId - b.movieId);
  return { byUser, count: rows.length };
}
