import type { Queryable } from '../../connectors/postgres/pool.ts';
import { createSimilarityScorer } from '../ranking/similarity.ts';
import { topCandidates } from '../ranking/top.ts';
import type { ItemModel } from '../ranking/item-model.ts';

export interface NearMovie {
  readonly movieId: number;
  /** Inner product with the vector that was asked with. */
  readonly product: number;
}

/** The movies of a model whose vectors have the largest inner products with a vector, the largest first. */
export interface NearestMovies {
  nearest(vector: Float32Array, count: number): Promise<readonly NearMovie[]>;
}

/** Up to so many movies a scan of all of them is as fast as a question to an index, and misses none. */
export const EXACT_MOVIES_MAX = 100_000;

/** All movies, one by one, in memory: exact. Throws a TypeError for a model without vectors. */
export function createExactNearest(items: ItemModel): NearestMovies {
  const scorer = createSimilarityScorer(items);
  return {
    nearest(vector, count) {
      const scores = scorer.score(vector);
      const top = topCandidates(items, scores, count, () => true);
      return Promise.resolve(
        top.map(({ place, score }) => ({
          movieId: items.movieIds[place] as number,
          product: score * scores.deviation,
        })),
      );
    },
  };
}

/**
 * By pgvector's index of the version (HNSW), which may miss some: the queryable's connections should have
 * hnsw.ef_search at the largest count or above.
 */
export function createIndexedNearest(
  queryable: Queryable,
  { version, vectors }: Pick<ItemModel, 'version' | 'vectors'>,
): NearestMovies {
  const dimensions = vectors?.dimensions ?? 0;
  // The index is on this very expression.
  const distance = `embedding::vector(${dimensions}) <#> $2::vector`;
  const query = `
    SELECT movie_id AS "movieId", -(${distance}) AS product FROM movie_embeddings
     WHERE model_version = $1 ORDER BY ${distance} LIMIT $3`;
  return {
    async nearest(vector, count) {
      const near = await queryable.query<NearMovie & Record<string, unknown>>(query, [
        version,
        `[${vector.join(',')}]`,
        count,
      ]);
      return near.map(({ movieId, product }) => ({ movieId, product }));
    },
  };
}
