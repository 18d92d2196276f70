import { MarqueeError } from '../../../common/error.ts';
import type { RateAction } from '../../../sdk/src/index.ts';
import type { Config } from '../../config/config.ts';
import { formatCount } from '../../terminal/format.ts';
import { liveSpanMs, parseUntil } from '../live/live-window.ts';
import { placeLive } from '../live/place-live.ts';
import type { Live } from '../live/place-live.ts';
import { countTooLate, ratingActions, readMovieLens } from './movielens-set.ts';
import type { MovieLens } from './movielens-set.ts';
import type { ImportEvent, ImportSource } from '../import-source.ts';
import { importIdOf } from '../import-id.ts';
import { MOVIELENS_APP } from './rating-action.ts';
import type { Rejects } from '../rejects.ts';
import { HOUR_MS } from '../../../common/time.ts';

export interface MovieLensRequest {
  readonly config: Config;
  readonly clusterId: string;
  readonly folder: string;
  readonly moviesOnly: boolean;
  readonly asLive: boolean;
  /** `now`, a time with a zone, or undefined: by what was sent before. */
  readonly until: string | undefined;
  /** See LiveRequest. */
  readonly whenPast: 'skip' | 'new';
  readonly nowMs: number;
}

/**
 * Reads a MovieLens set and decides what is sent and when it happened. Throws MARQUEE_IMPORT_FILE,
 * MARQUEE_IMPORT_UNTIL, and MARQUEE_IMPORT_PAST when an interrupted import can't be gone on with.
 */
export async function openMovieLensSource(
  request: MovieLensRequest,
  rejects: Rejects,
): Promise<ImportSource> {
  const { config, nowMs } = request;
  if (request.until !== undefined && !request.asLive)
    throw new MarqueeError(
      'MARQUEE_IMPORT_UNTIL',
      '--until says when live traffic ends: it needs --as-live',
    );
  const { lateHorizonMs } = config.runtime.settings;
  const spanMs = liveSpanMs(lateHorizonMs);
  const askedUntilMs =
    request.until === undefined ? null : parseUntil(request.until, spanMs, nowMs, lateHorizonMs);
  const set = await readMovieLens(request.folder, request, rejects);
  if (!request.asLive || set.ratings === null) return asRecorded(set, nowMs, lateHorizonMs);
  const live = placeLive({
    ...{ home: config.home, clusterId: request.clusterId },
    ...{ source: set.folder, dataHash: set.dataHash },
    ...{ spanMs, askedUntilMs, nowMs, lateHorizonMs, whenPast: request.whenPast },
  });
  if (live.lostTail !== null)
    throw new MarqueeError('MARQUEE_IMPORT_PAST', `${set.folder}: ${live.notes.join(' ')}`);
  return asLive(set, set.ratings, live);
}

function base(set: MovieLens, importId: string) {
  return {
    name: 'MovieLens',
    app: MOVIELENS_APP,
    importId,
    movies: [...set.catalogue.movies.values()],
    users: [...new Set(set.ratings?.users)].map(String),
  };
}

/** The catalogue of a set alone: what its ratings are about, where they don't go through Kafka. */
export function catalogueOf(set: MovieLens): ImportSource {
  return {
    ...base(set, importIdOf(set.dataHash, null)),
    actions: 0,
    window: null,
    again: false,
    notes: tagNotes(set),
    events: () => [],
    begin: () => undefined,
    finish: () => undefined,
  };
}

function asLive(set: MovieLens, ratings: NonNullable<MovieLens['ratings']>, live: Live) {
  const { window, again, notes, begin, finish } = live;
  const importId = importIdOf(set.dataHash, window?.untilMs ?? null);
  const all = window === null ? [] : ratingActions(ratings, importId, window);
  return {
    ...base(set, importId),
    actions: window === null ? 0 : ratings.count,
    window,
    again,
    notes: [...notes, ...tagNotes(set)],
    events: () => toEvents(all),
    begin,
    finish,
  } satisfies ImportSource;
}

/** Ids follow from the data alone, so there is nothing to remember. */
function asRecorded(set: MovieLens, nowMs: number, lateHorizonMs: number): ImportSource {
  const { ratings } = set;
  const importId = importIdOf(set.dataHash, null);
  const late = ratings === null ? 0 : countTooLate(ratings, nowMs, lateHorizonMs);
  const hours = lateHorizonMs / HOUR_MS;
  const notes =
    late === 0
      ? []
      : [
          `${formatCount(late)} of ${formatCount(ratings?.count ?? 0)} ratings are older than the late horizon (${hours} h): the tables of the last days leave them out, the ledger counts them as too_late. --as-live sends them as the traffic of the last hours.`,
        ];
  return {
    ...base(set, importId),
    actions: ratings?.count ?? 0,
    window: null,
    again: false,
    notes: [...notes, ...tagNotes(set)],
    events: () => (ratings === null ? [] : toEvents(ratingActions(ratings, importId, null))),
    begin: () => undefined,
    finish: () => undefined,
  };
}

function tagNotes({ catalogue: { tagsLeftOut } }: MovieLens): string[] {
  if (tagsLeftOut === 0) return [];
  const what = 'of movies that have more than a record may hold were left out';
  return [`${formatCount(tagsLeftOut)} of the rarest tags ${what}`];
}

function* toEvents(actions: Iterable<RateAction>): Generator<ImportEvent, void, undefined> {
  for (const action of actions) yield { kind: 'action', action: { action: 'rate', ...action } };
}
