import type { Log } from '../../common/log.ts';
import { createPool } from '../../connectors/postgres/pool.ts';
import type { Pool } from '../../connectors/postgres/pool.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { ListSources } from '../lists/list-sources.ts';
import { createRankers } from '../lists/rankers.ts';
import type { Rankers } from '../lists/rankers.ts';
import { ALIKE_COUNT } from './alike.ts';
import { createCatalogueState } from './catalogue.ts';
import type { ItemModel } from '../ranking/item-model.ts';
import { createExactNearest, createIndexedNearest, EXACT_MOVIES_MAX } from './nearest.ts';
import type { NearestMovies } from './nearest.ts';
import type { LoadedModel } from './load-model.ts';
import { createModelState } from './model.ts';
import { createTrendingState } from './trending.ts';

export interface ServingStateOptions {
  readonly postgresUrl: string;
  readonly applicationName: string;
  /** Connections for what is asked of Postgres besides: users, batch lists. */
  readonly connectionsMax: number;
  readonly queryTimeoutMs: number;
  /** Where it is kept for a start without Postgres; null keeps nothing. */
  readonly folder: string | null;
  readonly log: Log;
}

/** All that lists are made from, held in memory and kept up to date. */
export interface ServingState {
  readonly pool: Pool;
  /** Null until a catalogue could be read. Belongs together: one model, with its rankers. */
  sources(): ListSources | null;
  /** Of the model that `sources` has; null where none serves, or it has no vectors. */
  nearest(): NearestMovies | null;
  /** Epoch ms at which each was last known to be current; null for never since the start. */
  asOf(): { readonly model: number | null; readonly catalogue: number | null };
  /** Resolves when there are sources, or when what is there was read, or after `ms`. */
  ready(ms: number): Promise<void>;
  /** Looks at once for another model or catalogue. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** A model with what works on it. */
interface Ready {
  readonly of: LoadedModel;
  readonly rankers: Rankers;
  readonly nearest: NearestMovies | null;
}

function makeReady(of: LoadedModel, pool: Pool): Ready {
  const { items, settings } = of;
  const isSmall = items.movieIds.length <= EXACT_MOVIES_MAX;
  const nearest = isSmall
    ? createExactNearest
    : (all: ItemModel) => createIndexedNearest(pool, all);
  return {
    of,
    rankers: createRankers(items, settings.foldIn),
    nearest: items.vectors === null ? null : nearest(items),
  };
}

const MODEL_POLL_MS = 1_000;
const CATALOGUE_POLL_MS = 1_000;
const TRENDING_POLL_MS = 60_000;

export function createServingState(options: ServingStateOptions): ServingState {
  const { postgresUrl, applicationName, folder, log } = options;
  const pool = createPool({
    url: postgresUrl,
    applicationName,
    connectionsMax: options.connectionsMax,
    connectTimeoutMs: 1_000,
    statementTimeoutMs: options.queryTimeoutMs,
    serverSettings: { 'hnsw.ef_search': String(ALIKE_COUNT) },
  });
  const stateOf = { queryable: pool, folder, log };
  const model = createModelState({
    ...stateOf,
    pollMs: MODEL_POLL_MS,
    openSession: () => openSession({ url: postgresUrl, applicationName }),
  });
  const catalogue = createCatalogueState({ ...stateOf, pollMs: CATALOGUE_POLL_MS });
  const trending = createTrendingState({ ...stateOf, pollMs: TRENDING_POLL_MS });
  let ready: Ready | null = null;

  function readyOf(loaded: LoadedModel | null): Ready | null {
    if (loaded === null) return null;
    if (ready?.of !== loaded) ready = makeReady(loaded, pool);
    return ready;
  }

  return {
    pool,
    sources() {
      const movies = catalogue.current();
      if (movies === null) return null;
      const loaded = model.current();
      return {
        catalogue: movies,
        rankers: readyOf(loaded)?.rankers ?? null,
        generation: loaded?.generation ?? 0,
        trending: trending.current(),
      };
    },
    nearest: () => readyOf(model.current())?.nearest ?? null,
    asOf: () => ({ model: model.asOf, catalogue: catalogue.asOf }),
    async ready(ms) {
      await Promise.all([model.ready(ms), catalogue.ready(ms), trending.ready(ms)]);
    },
    async refresh() {
      await Promise.all([model.refresh(), catalogue.refresh()]);
    },
    async close() {
      await Promise.all([model.close(), catalogue.close(), trending.close()]);
      await pool.close();
    },
  };
}
