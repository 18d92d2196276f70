import type { ServerKind, ServingPlace } from './place.ts';
import type { Draw } from './urls.ts';
import { batchUserAt, MODEL_VERSION, userAt } from './world.ts';

export const ROW_PARTS = ['hit', 'computed', 'rank', 'batch', 'vector', 'logging'] as const;
export type RowPart = (typeof ROW_PARTS)[number];

/** What is asked of which server, at which rate. */
export interface Row {
  readonly system: string;
  readonly server: ServerKind;
  readonly users: number;
  readonly draw: Draw;
  readonly path: (index: number) => string;
  readonly perSecond: number | null;
  readonly posts?: boolean;
  /** Before each run, outside the time. */
  readonly before?: (place: ServingPlace) => Promise<unknown>;
}

const listPath = (index: number): string => `/v1/users/${userAt(index)}/recommendations`;
const rankPath = (index: number): string => `/v1/users/${userAt(index)}/rank`;
const batchPath = (index: number): string => `/v1/users/${batchUserAt(index)}/recommendations`;

/** Whom the bare server has a body for: 500 ranked movies are 40 kB each. */
const RANK_USERS = 500;
const HIT_RATE = 2_000;
const RATE = 500;

const BATCH_SQL = `SELECT r.model_version, r.movie_id, r.score
  FROM active_model AS a JOIN batch_recommendations AS r USING (model_version)
 WHERE r.user_id = $1 ORDER BY r.rank`;

/** The 20 movies nearest to what a user's first movie is like, by the index of pgvector. */
const VECTOR_SQL = `SELECT movie_id, embedding::vector(64) <#> (
    SELECT embedding::vector(64) FROM movie_embeddings_${MODEL_VERSION.toLowerCase()}
     WHERE movie_id = 1 + abs(hashtext($1)) % (SELECT count(*) FROM movies)) AS distance
  FROM movie_embeddings_${MODEL_VERSION.toLowerCase()} ORDER BY 2 LIMIT 20`;

export function rowsOf(part: RowPart, { size }: ServingPlace): Row[] {
  const { users, batchUsers } = size;
  const hit = { users, draw: 'zipf', path: listPath } as const;
  const ranked = { users: Math.min(users, RANK_USERS), draw: 'evenly', path: rankPath } as const;
  const cold = { server: 'api without lists', before: emptyCold, perSecond: RATE } as const;
  const batch = { users: batchUsers, draw: 'evenly', path: batchPath, perSecond: RATE } as const;
  switch (part) {
    case 'hit':
      return [
        { ...hit, system: 'bare at 2,000/s', server: 'bare', perSecond: HIT_RATE },
        { ...hit, system: 'hit at 2,000/s', server: 'api', perSecond: HIT_RATE },
        { ...hit, system: 'bare', server: 'bare', perSecond: null },
        { ...hit, system: 'hit', server: 'api', perSecond: null },
      ];
    case 'logging':
      return [{ ...hit, system: 'hit without log', server: 'api without log', perSecond: null }];
    case 'computed':
      return [
        { ...hit, system: 'bare at 500/s', server: 'bare', perSecond: RATE },
        { ...hit, ...cold, draw: 'evenly', system: 'computed' },
      ];
    case 'rank':
      return [
        { ...ranked, system: 'bare, bytes of 500', server: 'bare', perSecond: RATE, posts: true },
        { ...ranked, system: 'rank of 500', server: 'api', perSecond: RATE, posts: true },
      ];
    case 'batch':
      return [
        { ...batch, system: 'bare query of a list', server: { sql: BATCH_SQL } },
        { ...batch, ...cold, system: 'batch' },
      ];
    case 'vector':
      return [{ ...hit, system: 'bare pgvector', server: { sql: VECTOR_SQL }, perSecond: RATE }];
  }
}

async function emptyCold({ coldRedis }: ServingPlace): Promise<void> {
  await coldRedis.flushdb();
}
