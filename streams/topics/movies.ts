import { TEXT_OID } from '../../connectors/postgres/oids.ts';
import type { Movie } from '../../schemas/generated/types.ts';
import { validateMovie } from '../../schemas/movie.ts';
import type { Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/** A tombstone: the movie is no longer offered. */
export interface Withdrawn {
  readonly withdrawn: number;
}

export function isWithdrawn(event: Movie | Withdrawn): event is Withdrawn {
  return 'withdrawn' in event;
}

/** movies.v1: the catalogue. Keyed by movie_id; the newest record of a key holds. */
export const movies: Source<Movie | Withdrawn> = {
  topic: 'movies.v1',
  tombstones: true,
  check(event, record) {
    if (isWithdrawn(event)) return null;
    const problem = validateMovie(event);
    if (problem !== null) return { reason: problem.reason, detail: problem.message };
    return keyFault(record.key, String(event.movie_id), 'movie_id');
  },
  fromTombstone(record) {
    if (record.key === null)
      return { reason: 'missing_key', detail: 'a tombstone must have the movie_id as its key' };
    const key = record.key.toString();
    const id = Number(key);
    if (!Number.isSafeInteger(id) || id < 1 || String(id) !== key) {
      const shown = JSON.stringify(key.slice(0, 64));
      const detail = `a tombstone's key must be a movie_id in decimal, not ${shown}`;
      return { reason: 'key_mismatch', detail };
    }
    return { withdrawn: id };
  },
  // The record's place names it: a movie's id comes again with every change.
  id: (_event, record) => Buffer.from(`${record.offset}/${record.key?.toString() ?? ''}`),
  timeMs: () => null,
  app: () => null,
  contentColumns: [
    'movie_id',
    'title',
    'year',
    'genres',
    'tags',
    'imdb_id',
    'tmdb_id',
    'updated_at',
    'withdrawn',
  ],
  writeContent(out, event) {
    if (isWithdrawn(event)) {
      out.int8(event.withdrawn);
      for (let i = 0; i < 7; i++) out.null();
      out.bool(true);
      return;
    }
    out.int8(event.movie_id);
    out.text(event.title);
    out.int4(event.year);
    for (const words of [event.genres, event.tags])
      out.array(TEXT_OID, words, (word) => {
        out.text(word);
      });
    out.text(event.imdb_id);
    out.int8(event.tmdb_id);
    out.timestamptz(event.updated_at);
    out.bool(false);
  },
};
