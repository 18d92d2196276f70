import type { Session } from '../../../connectors/postgres/session.ts';
import type { Entry } from '../../../serving/ranking/item-model.ts';

/** A model made by hand: what it knows of each movie. */
export interface HandMadeModel {
  readonly version: string;
  /** Likes by movie. */
  readonly popularity: ReadonlyMap<number, number>;
  readonly neighbours: readonly Entry[];
  readonly next?: readonly Entry[];
  readonly vectors?: ReadonlyMap<number, readonly number[]>;
  /** Movies by user, the best first. */
  readonly lists?: ReadonlyMap<string, readonly number[]>;
}

/** Loads it as the nightly run would, and makes it the one that serves. */
export async function loadHandMade(session: Session, model: HandMadeModel): Promise<void> {
  const { version, neighbours, next = [] } = model;
  const suffix = `_${version.toLowerCase()}`;
  const dimensions = [...(model.vectors?.values() ?? [])][0]?.length ?? 2;
  await session.execute(
    `INSERT INTO model_performance_logs (model_version, status, seed, finished_at)
     VALUES ($1, 'ready', 1, now())`,
    [version],
  );
  await session.execute('SELECT begin_model($1)', [version]);
  const insert = async (table: string, columns: string, rows: readonly unknown[][]) => {
    const marks = columns.split(',').map((_, i) => `$${i + 2}`);
    for (const row of rows)
      await session.execute(
        `INSERT INTO ${table}${suffix} (model_version, ${columns}) VALUES ($1, ${marks.join(', ')})`,
        [version, ...row],
      );
  };
  await insert('movie_popularity', 'movie_id, likes', [...model.popularity]);
  await insert(
    'movie_neighbours',
    'movie_id, neighbour_id, weight',
    neighbours.map(({ movieId, otherId, weight }) => [movieId, otherId, weight]),
  );
  await insert(
    'movie_next',
    'movie_id, next_id, weight',
    next.map(({ movieId, otherId, weight }) => [movieId, otherId, weight]),
  );
  await insert(
    'movie_embeddings',
    'movie_id, source, embedding',
    [...(model.vectors ?? [])].map(([id, vector]) => [id, 'actions', `[${vector.join(',')}]`]),
  );
  await insert(
    'batch_recommendations',
    'user_id, generated_at, movie_id, rank, score',
    [...(model.lists ?? [])].flatMap(([user, movies]) =>
      movies.map((movie, i) => [user, '2026-11-27T02:00:00Z', movie, i + 1, 1 / (i + 1)]),
    ),
  );
  const settings = {
    als: { alpha: 1, regularisation: 0.1, factors: dimensions },
    counts: { movie_neighbours: neighbours.length, movie_next: next.length },
    live: { kind: 'item_item' },
  };
  await session.execute('SELECT finish_model($1, $2, $3)', [
    version,
    dimensions,
    JSON.stringify(settings),
  ]);
  await session.execute('SELECT promote_model($1, $2)', [version, 'by hand']);
}
