import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Movie } from '../../../schemas/generated/types.ts';
import { validateMovie } from '../../../schemas/movie.ts';
import { readCsv } from './csv-file.ts';
import { firstFault, isFault } from '../row-fault.ts';
import type { RowFault } from '../row-fault.ts';
import { parseGenres, parseId, parseSeconds, parseTitle } from './fields.ts';
import type { Rejects } from '../rejects.ts';

/** Bounds of movies.v1 (schemas/movie.ts). */
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

type Entry = Pick<Movie, 'movie_id' | 'title' | 'year' | 'genres'>;
type Link = Pick<Movie, 'imdb_id' | 'tmdb_id'>;

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
  const { entries, hash } = await readEntries(folder, rejects);
  const links = await readLinks(folder, rejects, entries);
  const { tags, newestMs } = await readTags(folder, rejects, entries, nowMs);
  const updatedAt = newestMs || Math.floor((await stat(join(folder, 'movies.csv'))).mtimeMs);
  let tagsLeftOut = 0;
  const movies = new Map<number, Movie>();
  for (const [id, entry] of entries) {
    const words = rankTags(tags.get(id));
    tagsLeftOut += Math.max(0, words.length - TAGS_MAX);
    const link = links.get(id) ?? { imdb_id: null, tmdb_id: null };
    movies.set(id, { ...entry, tags: words.slice(0, TAGS_MAX), ...link, updated_at: updatedAt });
  }
  return { movies, tagsLeftOut, hash };
}

async function readEntries(folder: string, rejects: Rejects) {
  const file = 'movies.csv';
  const entries = new Map<number, Entry>();
  const lines = new Map<number, number>();
  const hash = await readCsv(join(folder, file), ['movieId', 'title', 'genres'], {
    row([idText = '', title = '', genres = ''], line) {
      const entry = parseEntry(idText, title, genres);
      const first = isFault(entry) ? undefined : lines.get(entry.movie_id);
      if (isFault(entry)) rejects.add(file, line, entry);
      else if (first !== undefined) {
        const reason = `movie ${entry.movie_id} again, as in line ${first}`;
        rejects.add(file, line, { kind: 'duplicate', reason });
      } else {
        entries.set(entry.movie_id, entry);
        lines.set(entry.movie_id, line);
      }
    },
    bad: (line, reason) => {
      rejects.add(file, line, { kind: 'bad line', reason });
    },
  });
  return { entries, hash };
}

function parseEntry(idText: string, title: string, genres: string): Entry | RowFault {
  const id = parseId('movieId', idText);
  if (isFault(id)) return id;
  const entry = { movie_id: id, ...parseTitle(title), genres: parseGenres(genres) };
  const rest = { tags: [], imdb_id: null, tmdb_id: null, updated_at: 0 };
  const problem = validateMovie({ ...entry, ...rest });
  return problem === null ? entry : { kind: 'bad text', reason: problem.message };
}

function parseKnownId(text: string, known: ReadonlyMap<number, unknown>): number | RowFault {
  const id = parseId('movieId', text);
  if (isFault(id) || known.has(id)) return id;
  return { kind: 'unknown movie', reason: `unknown movie ${id}` };
}

async function readLinks(
  folder: string,
  rejects: Rejects,
  known: ReadonlyMap<number, unknown>,
): Promise<Map<number, Link>> {
  const file = 'links.csv';
  const links = new Map<number, Link>();
  await readCsv(join(folder, file), ['movieId', 'imdbId', 'tmdbId'], {
    row([idText = '', imdb = '', tmdb = ''], line) {
      const id = parseKnownId(idText, known);
      const tmdbId = tmdb === '' ? null : parseId('tmdbId', tmdb);
      const imdbFault: RowFault | null = /^\d{0,12}$/.test(imdb)
        ? null
        : { kind: 'bad number', reason: `imdbId ${JSON.stringify(imdb)} is not a number` };
      const fault = firstFault(id, imdbFault, tmdbId);
      if (fault !== null) rejects.add(file, line, fault);
      else if (links.has(id as number))
        rejects.add(file, line, { kind: 'duplicate', reason: `movie ${idText} again` });
      else
        links.set(id as number, {
          imdb_id: imdb === '' ? null : `tt${imdb}`,
          tmdb_id: tmdbId as number | null,
        });
    },
    bad: (line, reason) => {
      rejects.add(file, line, { kind: 'bad line', reason });
    },
  });
  return links;
}

interface TagUse {
  readonly text: string;
  uses: number;
}

async function readTags(
  folder: string,
  rejects: Rejects,
  known: ReadonlyMap<number, unknown>,
  nowMs: number,
) {
  const file = 'tags.csv';
  const tags = new Map<number, Map<string, TagUse>>();
  let newestMs = 0;
  await readCsv(join(folder, file), ['userId', 'movieId', 'tag', 'timestamp'], {
    row([userText = '', idText = '', tagText = '', timeText = ''], line) {
      const id = parseKnownId(idText, known);
      const seconds = parseSeconds(timeText, nowMs);
      const text = tagText.trim();
      const fault = firstFault(parseId('userId', userText), seconds, id, tagFault(text));
      if (fault !== null) {
        rejects.add(file, line, fault);
        return;
      }
      newestMs = Math.max(newestMs, (seconds as number) * 1000);
      let words = tags.get(id as number);
      if (words === undefined) tags.set(id as number, (words = new Map<string, TagUse>()));
      const use = words.get(text.toLowerCase());
      if (use === undefined) words.set(text.toLowerCase(), { text, uses: 1 });
      else use.uses += 1;
    },
    bad: (line, reason) => {
      rejects.add(file, line, { kind: 'bad line', reason });
    },
  });
  return { tags, newestMs };
}

function tagFault(text: string): RowFault | null {
  if (text === '') return { kind: 'bad text', reason: 'the tag is empty' };
  if (text.length <= TAG_LENGTH_MAX && !text.includes('\0')) return null;
  return { kind: 'bad text', reason: 'the tag is too long or holds U+0000' };
}

/** Each tag once whatever its case, as first written; most used first, then as they came. */
function rankTags(words: ReadonlyMap<string, TagUse> | undefined): string[] {
  return [...(words?.values() ?? [])].sort((a, b) => b.uses - a.uses).map(({ text }) => text);
}
