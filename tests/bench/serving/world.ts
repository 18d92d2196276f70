import type { BenchStack } from '../runner/stack.ts';

/** What the tables of the bench hold, made by Postgres itself from the numbers of rows. */
export interface WorldSize {
  readonly users: number;
  readonly movies: number;
  /** Users of whom nothing is known but a list of the nightly run. */
  readonly batchUsers: number;
}

export const MODEL_VERSION = '20260101T000000Z';
export const DIMENSIONS = 64;
const OTHERS = 100;
/** Movies in a nightly list. */
const LIST_LENGTH = 50;

export const userAt = (index: number): string => `user-${index + 1}`;
export const batchUserAt = (index: number): string => `batch-${index + 1}`;
/** So many movies has a user's history, and so many changes their profile. */
export const historyLength = (index: number): number => 10 + (((index + 1) * 37) % 61);

/**
 * Strides that have no divisor in common with the number of movies give different ones each time, evenly
 * over all of them: more places are touched than by likes as they are, which gather at the top.
 */
const spread = (movies: number, start: string, step: string): string =>
  `1 + ((${start})::bigint * 7919 + (${step})::bigint * 104729) % ${movies}`;

const SETTINGS = (movies: number): string =>
  JSON.stringify({
    als: { alpha: 1, regularisation: 0.1, factors: DIMENSIONS },
    counts: { movie_neighbours: movies * OTHERS, movie_next: movies * OTHERS },
    live: { kind: 'item_item' },
  });

export interface ModelSize extends Omit<WorldSize, 'users'> {
  readonly version: string;
}

/** A catalogue and a model straight into their tables, as the nightly run would load it. */
function modelStatements({ version, movies, batchUsers }: ModelSize): string[] {
  const suffix = version.toLowerCase();
  const rows = (n: number): string => `generate_series(1, ${n})`;
  return [
    `INSERT INTO movies (movie_id, updated_at, received_at, kafka_offset, kafka_partition, year, title,
                         genres, tags)
     SELECT i, now(), now(), i, 0, 1950 + i % 75, 'Movie ' || i,
            ARRAY[(ARRAY['Action', 'Comedy', 'Drama', 'Horror', 'Romance'])[1 + i % 5]], '{}'
       FROM ${rows(movies)} AS i ON CONFLICT DO NOTHING`,
    `INSERT INTO model_performance_logs (model_version, status, seed, finished_at)
     VALUES ('${version}', 'ready', 1, now())`,
    `SELECT begin_model('${version}')`,
    `INSERT INTO movie_popularity_${suffix}
     SELECT '${version}', i, (50000 / i ^ 0.8)::int FROM ${rows(movies)} AS i`,
    ...['neighbours', 'next'].map(
      (table, at) => `INSERT INTO movie_${table}_${suffix}
     SELECT '${version}', i, ${spread(movies, `i + ${at}`, 'k')}, 1.0 / (k + 3)
       FROM ${rows(movies)} AS i, ${rows(OTHERS)} AS k`,
    ),
    `INSERT INTO movie_embeddings_${suffix}
     SELECT '${version}', i, 'actions', array_agg(sin(i * 0.37 + d * d * 1.7) / 8)::vector
       FROM ${rows(movies)} AS i, ${rows(DIMENSIONS)} AS d GROUP BY i`,
    `INSERT INTO batch_recommendations_${suffix}
       (model_version, user_id, generated_at, movie_id, rank, score)
     SELECT '${version}', 'batch-' || u, now(), ${spread(movies, 'u', 'k')}, k, 1.0 / k
       FROM ${rows(batchUsers)} AS u, ${rows(LIST_LENGTH)} AS k`,
    `SELECT finish_model('${version}', ${DIMENSIONS}, '${SETTINGS(movies)}')`,
    `SELECT promote_model('${version}', 'bench')`,
  ];
}

/** Half of a history is rated, the rest was opened and played; over a month, the last ten minutes ago. */
function userStatements({ users, movies }: WorldSize): string[] {
  return [
    `INSERT INTO user_profiles (user_id, total_interactions, rates, views, profile_version,
                                first_event_id, last_event_id)
     SELECT 'user-' || u, n, n, 0, n, lowest_uuid_at(now() - interval '30 days'),
            lowest_uuid_at(now() - interval '10 minutes')
       FROM generate_series(1, ${users}) AS u, LATERAL (SELECT 10 + (u * 37) % 61 AS n) AS size`,
    `INSERT INTO user_history (user_id, movie_id, last_event_id, rating_event_id, rating_milli, plays,
                               views)
     SELECT 'user-' || u, ${spread(movies, 'u * 13', 'k')}, at, CASE WHEN k % 2 = 0 THEN at END,
            CASE WHEN k % 2 = 0 THEN 3500 + 500 * (k % 4) END, k % 2, k % 2
       FROM generate_series(1, ${users}) AS u, generate_series(1, 10 + (u * 37) % 61) AS k,
            LATERAL (SELECT lowest_uuid_at(now() - interval '10 minutes'
                              - k * interval '30 days' / 71) AS at) AS moment
      ORDER BY u`,
    'VACUUM ANALYZE user_profiles, user_history, movies',
    'CHECKPOINT',
  ];
}

export async function makeWorld(stack: BenchStack, size: WorldSize): Promise<void> {
  await addModel(stack, { ...size, version: MODEL_VERSION });
  await runAll(stack, userStatements(size));
}

/** Another model, with movies for it, which serves from now on. */
export async function addModel(stack: BenchStack, size: ModelSize): Promise<void> {
  await runAll(stack, modelStatements(size));
}

async function runAll(stack: BenchStack, statements: readonly string[]): Promise<void> {
  const sql = await stack.connect();
  try {
    await sql.query('SET statement_timeout = 0');
    for (const statement of statements) await sql.query(statement);
  } finally {
    await sql.end();
  }
}
