import { defineProcessor } from '../runtime/processor.ts';
import { movies as source } from '../topics/movies.ts';
import { carryWithdrawn } from './carry-over.ts';
import { createMoviesStore } from './store.ts';

/**
 * Idempotency zone. Reads movies.v1 (compacted); writes movies, one row a movie, the newest record
 * of its key. Key: movie_id; a row received earlier never replaces a later one, so the same batch
 * twice leaves the table as it is. A tombstone sets withdrawn_at and keeps what was known.
 */
export const movies = defineProcessor({
  name: 'movies',
  source,
  relevant: () => true,
  wantsRows: false,
  batchRowsMax: 4_096,
  batchBytesMax: 8 * 1024 * 1024,
  workers: 1,
  createStore: createMoviesStore,
  tables: ['movies'],
  rowsCarryOffsets: false,
  carryOver: carryWithdrawn,
  importChecks: [
    {
      table: 'movies',
      what: 'movies',
      sql: `SELECT count(*) AS n FROM movies
            WHERE movie_id = ANY($1::bigint[]) AND withdrawn_at IS NULL`,
      by: 'movieIds',
      equals: 'movies',
    },
  ],
});
