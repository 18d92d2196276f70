import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Movie } from '../../schemas/generated/types.ts';
import { validateMovie } from '../../schemas/movie.ts';
import { readCsv } from './csv-file.ts';
import { parseGenres, parseId, parseSeconds, parseTitle } from './movielens-fields.ts';
import type { Parsed } from './movielens-fields.ts';
import type { Rejects } from './rejects.ts';

/** What movies.v1 takes (schemas/movie.ts). */
const TAGS_MAX = 1000;
const TAG_LENGTH_MAX = 256;

export interface Catalogue {
  /** By id, in the order of movies.csv. */
  readonly movies: ReadonlyMap<number, Movie>;
  /** Rarest tags of movies that have more than a record may hold. */
  readonly tagsLeftOut: number;
  /** SHA-256 of movies.csv: which movies are known decides which ratings are good. */
  readonly hash: string;
}

interface TagUse {
  readonly text: string;
  uses: number;
}

/**
 * Reads movies.csv, links.csv and tags.csv. The files don't say when a movie changed: `updated_at`
 * is the time of the set's newest tag, which is the same at every import of the same set (without
 * tags, when movies.csv was written). Throws MARQUEE_IMPORT_FILE (see readCsv).
 */
export async function readCatalogue(
  folder: string,
  rejects: Rejects,
  nowMs: number,
): Promise<Catalogue> {
  const entries = new Map<number, { title: string; year: number | null; genres: string[] }>();
  const lines = new Map<number, number>();
  const hash = await readCsv(join(folder, 'movies.csv'), ['movieId', 'title', 'genres'], {
    row([idText, title, genres], line) {
      const id = parseId('movieId', idText as string);
      if (typeof id === 'string') return reject('movies.csv', line, id, 'bad number');
      const first = lines.get(id);
      if (first !== undefined)
        return reject(
          'movies.csv',
          line,
          `movie ${String(id)} again, as in line ${String(first)}`,
          'duplicate',
        );
      const movie = { ...parseTitle(title as string), genres: parseGenres(genres as string) };
      const fault = validateMovie({ ...movie, ...EMPTY, movie_id: id });
      if (fault !== null) return reject('movies.csv', line, fault.message, 'bad text');
      entries.set(id, movie);
      lines.set(id, line);
    },
    bad: (line, reason) => reject('movies.csv', line, reason, 'bad line'),
  });
  const links = await readLinks();
  const { tags, newestTagMs } = await readTags();
  const updatedAt = newestTagMs || Math.floor((await stat(join(folder, 'movies.csv'))).mtimeMs);
  let tagsLeftOut = 0;
  const movies = new Map(
    [...entries].map(([id, movie]) => {
      const words = rankTags(tags.get(id));
      tagsLeftOut += Math.max(0, words.length - TAGS_MAX);
      const link = links.get(id) ?? { imdb_id: null, tmdb_id: null };
      const kept = words.slice(0, TAGS_MAX);
      return [id, { movie_id: id, ...movie, tags: kept, ...link, updated_at: updatedAt }];
    }),
  );
  return { movies, tagsLeftOut, hash };

  function reject(file: string, line: number, reason: string, kind: string): void {
    rejects.add(file, line, reason, kind);
  }

  /** False after reporting why the row can't be used. */
  function isKnown(file: string, line: number, id: Parsed): id is number {
    if (typeof id === 'string') reject(file, line, id, 'bad number');
    else if (!entries.has(id)) reject(file, line, `unknown movie ${String(id)}`, 'unknown movie');
    else return true;
    return false;
  }

  async function readLinks(): Promise<Map<number, Pick<Movie, 'imdb_id' | 'tmdb_id'>>> {
    const found = new Map<number, Pick<Movie, 'imdb_id' | 'tmdb_id'>>();
    await readCsv(join(folder, 'links.csv'), ['movieId', 'imdbId', 'tmdbId'], {
      row([idText, imdb, tmdb], line) {
        const id = parseId('movieId', idText as string);
        if (!isKnown('links.csv', line, id)) return;
        const tmdbId = tmdb === '' ? null : parseId('tmdbId', tmdb as string);
        if (imdb !== '' && !/^\d{1,12}$/.test(imdb as string))
          reject('links.csv', line, `imdbId ${JSON.stringify(imdb)} is not a number`, 'bad number');
        else if (typeof tmdbId === 'string') reject('links.csv', line, tmdbId, 'bad number');
        else if (found.has(id)) reject('links.csv', line, `movie ${String(id)} again`, 'duplicate');
        else
          found.set(id, { imdb_id: imdb === '' ? null : `tt${imdb as string}`, tmdb_id: tmdbId });
      },
      bad: (line, reason) => reject('links.csv', line, reason, 'bad line'),
    });
    return found;
  }

  async function readTags() {
    const found = new Map<number, Map<string, TagUse>>();
    let newest = 0;
    await readCsv(join(folder, 'tags.csv'), ['userId', 'movieId', 'tag', 'timestamp'], {
      row([userText, idText, tagText, timeText], line) {
        const user = parseId('userId', userText as string);
        const seconds = parseSeconds(timeText as string, nowMs);
        const id = parseId('movieId', idText as string);
        const text = (tagText as string).trim();
        if (typeof user === 'string') return reject('tags.csv', line, user, 'bad number');
        if (typeof seconds === 'string') return reject('tags.csv', line, seconds, 'bad number');
        if (!isKnown('tags.csv', line, id)) return;
        if (text === '') return reject('tags.csv', line, 'the tag is empty', 'bad text');
        if (text.length > TAG_LENGTH_MAX || text.includes('\0'))
          return reject('tags.csv', line, 'the tag is too long or holds U+0000', 'bad text');
        newest = Math.max(newest, seconds * 1000);
        let words = found.get(id);
        if (words === undefined) found.set(id, (words = new Map<string, TagUse>()));
        const use = words.get(text.toLowerCase());
        if (use === undefined) words.set(text.toLowerCase(), { text, uses: 1 });
        else use.uses += 1;
      },
      bad: (line, reason) => reject('tags.csv', line, reason, 'bad line'),
    });
    return { tags: found, newestTagMs: newest };
  }
}

const EMPTY = { tags: [], imdb_id: null, tmdb_id: null, updated_at: 0 };

/** Each tag once whatever its case, as first written; most used first, then as they came. */
function rankTags(words: ReadonlyMap<string, TagUse> | undefined): string[] {
  return [...(words?.values() ?? [])].sort((a, b) => b.uses - a.uses).map(({ text }) => text);
}
