import { hash } from 'node:crypto';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import type { RateAction } from '../../../sdk/src/index.ts';
import { IMPORT_PROPERTY } from '../import-id.ts';
import type { Ratings } from './ratings.ts';

export const MOVIELENS_APP = 'movielens';

/**
 * The `rate` action of a rating, for the producer. Its id is a UUIDv7 of `occurredAtMs` whose other
 * bits are a hash of who rated what when, so the same import sends the same ids again.
 */
export function ratingAction(
  ratings: Ratings,
  row: number,
  occurredAtMs: number,
  importId: string,
): RateAction {
  const user = String(ratings.users[row]);
  const movie = ratings.movies[row] as number;
  const name = `${user}/${movie}/${ratings.seconds[row] as number}`;
  return {
    userId: user,
    movieId: movie,
    value: ratings.stars[row] as number,
    occurredAt: occurredAtMs,
    eventId: formatUuid(uuidv7(occurredAtMs, hash('sha256', name, 'buffer'))),
    properties: { [IMPORT_PROPERTY]: importId },
  };
}
