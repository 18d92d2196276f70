import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { createSumStore } from '../runtime/commit/sum-store.ts';
import type { Store, StoreOptions } from '../runtime/processor.ts';
import { planPlays } from './core.ts';

// Ordered, so that two processes that add to the same movies wait for each other and never in a ring.
const UPSERT = `
INSERT INTO movie_plays AS m (movie_id, day, plays, completes)
SELECT movie_id, day, plays, completes
FROM jsonb_to_recordset($1::jsonb) AS r(movie_id bigint, day date, plays int, completes int)
ORDER BY movie_id, day
ON CONFLICT (movie_id, day) DO UPDATE SET
  plays = m.plays + excluded.plays, completes = m.completes + excluded.completes`;

export function createMoviePlaysStore(
  options?: StoreOptions<UserActionRecord>,
): Store<UserActionRecord> {
  return createSumStore(
    {
      idTable: 'movie_plays_event_ids',
      width: '1 hour',
      id: (event) => event.event_id,
      timeMs: (event) => event.occurred_at,
      async add(session, events) {
        const deltas = planPlays(events.map(({ event }) => event));
        await session.execute(UPSERT, [JSON.stringify(deltas)]);
      },
    },
    options,
  );
}
