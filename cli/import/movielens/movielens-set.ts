import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { MarqueeError } from '../../../common/error.ts';
import type { RateAction } from '../../../sdk/src/index.ts';
import { checkRoom, instantOf } from '../live/live-window.ts';
import type { LiveWindow } from '../live/live-window.ts';
import { readCatalogue } from './catalogue.ts';
import type { Catalogue } from './catalogue.ts';
import { readRatings } from './ratings.ts';
import type { Ratings } from './ratings.ts';
import { ratingAction } from './rating-action.ts';
import { hashFile } from '../text-lines.ts';
import type { Rejects } from '../rejects.ts';

export interface MovieLens {
  /** The folder, as it is named in messages and remembered. */
  readonly folder: string;
  readonly catalogue: Catalogue;
  /** Null when only the catalogue was asked for. */
  readonly ratings: Ratings | null;
  /** SHA-256 (hex) of what decides which ratings are sent. */
  readonly dataHash: string;
}

const CATALOGUE_FILES = ['movies.csv', 'links.csv', 'tags.csv'];
const RATED_FILES = [...CATALOGUE_FILES, 'ratings.csv'];

/**
 * Reads a MovieLens set; rows that can't be used go to `rejects`. Throws MARQUEE_IMPORT_FILE when
 * files are missing (all of them named) or are something else.
 */
export async function readMovieLens(
  folder: string,
  options: { readonly moviesOnly: boolean; readonly nowMs: number },
  rejects: Rejects,
): Promise<MovieLens> {
  assertFiles(folder, options.moviesOnly ? CATALOGUE_FILES : RATED_FILES);
  const catalogue = await readCatalogue(folder, rejects, options.nowMs);
  const isKnown = (id: number): boolean => catalogue.movies.has(id);
  const ratings = options.moviesOnly
    ? null
    : await readRatings(folder, isKnown, rejects, options.nowMs);
  const dataHash = dataHashOf(catalogue.hash, ratings?.hash ?? '');
  return { folder: realpathSync(folder), catalogue, ratings, dataHash };
}

function dataHashOf(catalogue: string, ratings: string): string {
  return createHash('sha256').update(`${catalogue}/${ratings}`).digest('hex');
}

/** The dataHash of a set that is not read yet. Throws MARQUEE_IMPORT_FILE. */
export async function hashMovieLens(folder: string): Promise<string> {
  assertFiles(folder, RATED_FILES);
  const [catalogue, ratings] = await Promise.all(
    ['movies.csv', 'ratings.csv'].map((name) => hashFile(join(folder, name))),
  );
  return dataHashOf(catalogue ?? '', ratings ?? '');
}

function assertFiles(folder: string, wanted: readonly string[]): void {
  const missing = wanted.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) throw missingFiles(folder, missing);
}

function missingFiles(folder: string, missing: readonly string[]): MarqueeError {
  const what = existsSync(folder)
    ? `${folder} has no ${missing.join(', ')}`
    : `there is no folder ${folder}`;
  return new MarqueeError(
    'MARQUEE_IMPORT_FILE',
    `${what}. An unpacked MovieLens set holds movies.csv, links.csv, tags.csv and ratings.csv; ` +
      'https://grouplens.org/datasets/movielens has ml-latest-small.zip',
  );
}

/** The ratings in order of time, squeezed into the window when there is one. */
export function* ratingActions(
  ratings: Ratings,
  importId: string,
  window: LiveWindow | null,
): Generator<RateAction, void, undefined> {
  if (window !== null) checkRoom(ratings.count, window);
  for (let row = 0; row < ratings.count; row++) {
    const atMs =
      window === null
        ? (ratings.seconds[row] as number) * 1000
        : instantOf(row, ratings.count, window);
    yield ratingAction(ratings, row, atMs, importId);
  }
}

/**
 * Ratings that the processors will find too late for the tables, when sent as they were recorded.
 */
export function countTooLate(ratings: Ratings, nowMs: number, lateHorizonMs: number): number {
  let count = 0;
  for (const seconds of ratings.seconds) if (nowMs - seconds * 1000 > lateHorizonMs) count += 1;
  return count;
}
