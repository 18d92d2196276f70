import { basename, resolve } from 'node:path';
import type { UserAction } from '../../../schemas/generated/types.ts';
import type { RateAction } from '../../../sdk/src/index.ts';
import { buildAction } from '../../../sdk/src/actions.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import type { History, HistoryItem } from '../../../archive/backfill/history.ts';
import { importIdOf } from '../import-id.ts';
import { hashMovieLens, ratingActions, readMovieLens } from './movielens-set.ts';
import type { MovieLens } from './movielens-set.ts';
import { MOVIELENS_APP } from './rating-action.ts';
import type { Rejects } from '../rejects.ts';
import { changed } from '../text-lines.ts';

const CHUNK_ITEMS = 4_096;
/** Size of a rating, as the archive reckons records. */
const RATING_BYTES = 64;
/** The import sends by a producer of this kind. */
const PRODUCER = { app: MOVIELENS_APP, appVersion: null, device: null, makeId: uuidv7 };

export interface HistoryOptions {
  readonly rejects: Rejects;
  /** Is given the set before its ratings are read; brings its movies to movies.v1. */
  publish(set: MovieLens): Promise<void>;
}

/**
 * A MovieLens set: the actions that `import movielens` sends, ids included, at the times at which
 * the ratings were given. Places are the order of time, so that a range of a large set has few
 * dates; after the last one come the lines that could not be used. Throws MARQUEE_IMPORT_FILE.
 */
export async function openMovieLensHistory(
  folder: string,
  { rejects, publish }: HistoryOptions,
): Promise<History> {
  const sha256 = await hashMovieLens(folder);
  let set = null as MovieLens | null;
  return {
    name: basename(resolve(folder)),
    sha256,
    async begin(plannedAtMs) {
      set ??= await readMovieLens(folder, { moviesOnly: false, nowMs: plannedAtMs }, rejects);
      if (set.dataHash !== sha256) throw changed(folder);
      await publish(set);
    },
    items: (from) => chunksOf(set, from),
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- all is in memory
async function* chunksOf(set: MovieLens | null, from: number): AsyncGenerator<HistoryItem[]> {
  const ratings = set?.ratings ?? null;
  if (set === null || ratings === null) throw new Error('the ratings were not read yet');
  let chunk: HistoryItem[] = [];
  let place = 0;
  for (const action of ratingActions(ratings, importIdOf(set.dataHash, null), null)) {
    if (place >= from) chunk.push({ place, bytes: RATING_BYTES, event: recordOf(action) });
    place++;
    if (chunk.length < CHUNK_ITEMS) continue;
    yield chunk;
    chunk = [];
  }
  for (const end = place + ratings.leftOut; place < end; place++)
    if (place >= from) chunk.push({ place, bytes: RATING_BYTES, event: null });
  yield chunk;
}

function recordOf(action: RateAction): UserAction {
  return buildAction('rate', action, PRODUCER);
}
