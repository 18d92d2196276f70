import type { Movie } from '../../schemas/generated/types.ts';
import type { Accepted, Store } from '../runtime/processor.ts';
import type { Withdrawn } from '../topics/movies.ts';
import { planCatalogue } from './core.ts';

// A movie that is withdrawn and was never listed leaves no row: there is nothing to show.
const UPSERT = `
INSERT INTO movies AS m (movie_id, title, year, genres, tags, imdb_id, tmdb_id, updated_at,
  received_at, withdrawn_at, kafka_partition, kafka_offset)
SELECT r.movie_id, r.title, r.year,
  array(SELECT jsonb_array_elements_text(r.genres)),
  array(SELECT jsonb_array_elements_text(r.tags)),
  r.imdb_id, r.tmdb_id, to_timestamp(r.updated_ms / 1000.0), to_timestamp(r.received_ms / 1000.0),
  NULL, r.kafka_partition, r.kafka_offset
FROM jsonb_to_recordset($1::jsonb) AS r(movie_id bigint, title text, year int, genres jsonb,
  tags jsonb, imdb_id text, tmdb_id bigint, updated_ms bigint, received_ms bigint,
  kafka_partition int, kafka_offset bigint)
ORDER BY r.movie_id
ON CONFLICT (movie_id) DO UPDATE SET
  title = excluded.title, year = excluded.year, genres = excluded.genres, tags = excluded.tags,
  imdb_id = excluded.imdb_id, tmdb_id = excluded.tmdb_id, updated_at = excluded.updated_at,
  received_at = excluded.received_at, withdrawn_at = NULL,
  kafka_partition = excluded.kafka_partition, kafka_offset = excluded.kafka_offset
WHERE (m.received_at, m.kafka_offset) <= (excluded.received_at, excluded.kafka_offset)`;

const WITHDRAW = `
UPDATE movies m SET withdrawn_at = to_timestamp(r.received_ms / 1000.0),
  received_at = to_timestamp(r.received_ms / 1000.0),
  kafka_partition = r.kafka_partition, kafka_offset = r.kafka_offset
FROM jsonb_to_recordset($1::jsonb)
  AS r(movie_id bigint, received_ms bigint, kafka_partition int, kafka_offset bigint)
WHERE m.movie_id = r.movie_id
  AND (m.received_at, m.kafka_offset) <= (to_timestamp(r.received_ms / 1000.0), r.kafka_offset)`;

export function createMoviesStore(): Store<Movie | Withdrawn> {
  return {
    prepare: () => Promise.resolve(),
    async apply(session, { events }, sent) {
      const { listed, withdrawn } = planCatalogue(events);
      await sent('half');
      if (listed.length > 0) await session.execute(UPSERT, [JSON.stringify(listed.map(listedRow))]);
      if (withdrawn.length > 0)
        await session.execute(WITHDRAW, [
          JSON.stringify(withdrawn.map((w) => ({ movie_id: w.event.withdrawn, ...placeOf(w) }))),
        ]);
      await sent('all');
      return [];
    },
  };
}

function listedRow(listed: Accepted<Movie>) {
  return { ...listed.event, updated_ms: listed.event.updated_at, ...placeOf(listed) };
}

function placeOf({ partition, offset, receivedAt }: Accepted<unknown>) {
  return { received_ms: receivedAt, kafka_partition: partition, kafka_offset: offset };
}
