import { join } from 'node:path';
import type { Log } from '../../common/log.ts';
import type { Queryable } from '../../connectors/postgres/pool.ts';
import { createCatalogue } from '../ranking/catalogue.ts';
import type { Catalogue, CatalogueMovie } from '../ranking/catalogue.ts';
import { createHeld } from './held.ts';
import type { Held } from './held.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';

export interface CatalogueStateOptions {
  readonly queryable: Queryable;
  readonly folder: string | null;
  readonly pollMs: number;
  readonly log: Log;
}

/** Grows with each batch that the processor of movies.v1 commits. */
const POSITION = `
  SELECT coalesce(string_agg(partition || ':' || next_offset, ',' ORDER BY partition), '') AS position
    FROM stream_offsets WHERE processor = 'movies'`;

const MOVIES = `
  SELECT movie_id AS "movieId", title, year, genres FROM movies WHERE withdrawn_at IS NULL`;

type Movie = CatalogueMovie & Record<string, unknown>;

/** The movies that may be recommended: a withdrawn one is out of it within `pollMs` and a read. */
export function createCatalogueState(options: CatalogueStateOptions): Held<Catalogue> {
  const path = options.folder === null ? null : join(options.folder, 'catalogue.json');
  return createHeld<Catalogue>({
    what: 'catalogue',
    pollMs: options.pollMs,
    log: options.log,
    async token() {
      const [row] = await options.queryable.query<{ position: string }>(POSITION);
      return row?.position ?? '';
    },
    load: async () => createCatalogue(await options.queryable.query<Movie>(MOVIES)),
    ...(path === null
      ? {}
      : {
          async restore() {
            const movies = (await readJsonFile(path)) as readonly CatalogueMovie[] | null;
            return movies === null ? null : createCatalogue(movies);
          },
          keep: (catalogue) => writeJsonFile(path, moviesOf(catalogue)),
        }),
  });
}

function moviesOf(catalogue: Catalogue): CatalogueMovie[] {
  return [...catalogue.movieIds].map((movieId, place) => ({
    movieId,
    title: catalogue.titles[place] ?? '',
    year: catalogue.years[place] === 0 ? null : (catalogue.years[place] ?? null),
    genres: [...(catalogue.genresOf[place] ?? [])].map((genre) => catalogue.genres[genre] ?? ''),
  }));
}
