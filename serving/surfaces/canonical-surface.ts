import { createHash } from 'node:crypto';
import type { Surface } from '../ranking/surface.ts';
import { dayEnd, momentOf } from './dates.ts';
import type { SurfaceContent } from './surface-schema.ts';

const VERSION_DIGITS = 12;

/** What is in the version. */
type Content = Omit<Surface, 'name' | 'version'>;

/**
 * A surface of a file, in the one form that all ways to write it have: defaults filled in, sets sorted,
 * dates as moments. Reserved slots keep their order, since it decides.
 */
export function toSurface(
  name: string,
  content: SurfaceContent,
  blockedEverywhere: readonly number[],
): Surface {
  const { filter, boosts, exploration } = content;
  const surface: Content = {
    limit: content.limit,
    filter: {
      genresAny: sortedNames(filter.genres.any),
      genresNone: sortedNames(filter.genres.none),
      yearFrom: filter.years.from ?? null,
      yearTo: filter.years.to ?? null,
    },
    blocked: new Set(
      [...blockedEverywhere, ...content.blocked, ...filter.exclude].sort((a, b) => a - b),
    ),
    boosts: {
      genres: sortedMap(Object.entries(boosts.genres).map(([key, by]) => [key.toLowerCase(), by])),
      movies: sortedMap(Object.entries(boosts.movies).map(([key, by]) => [Number(key), by])),
    },
    pins: content.pins
      .map(({ movie, position, from, until }) => ({
        movieId: movie,
        position,
        ...moments(from, until),
      }))
      .sort((a, b) => a.position - b.position || (a.from ?? -Infinity) - (b.from ?? -Infinity)),
    reserved: content.reserved.map(({ slots, of, movies, from, until }) => ({
      slots,
      of,
      movieIds: [...new Set(movies)],
      ...moments(from, until),
    })),
    seen: content.seen,
    impressionDiscount: content.impression_discount,
    popularityExponent: content.popularity_exponent,
    diversity: content.diversity,
    exploration: {
      share: exploration.share,
      fromPosition: exploration.from,
      pool: exploration.pool,
    },
  };
  return { name, version: versionOf(surface), ...surface };
}

function moments(from: string | undefined, until: string | undefined) {
  return {
    from: from === undefined ? null : momentOf(from),
    until: until === undefined ? null : dayEnd(until),
  };
}

function sortedNames(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort();
}

/** Boosts of 0 say nothing, and are left out. */
function sortedMap<K extends string | number>(entries: (readonly [K, number])[]): Map<K, number> {
  const said = entries.filter(([, by]) => by !== 0);
  return new Map(said.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** The surface as JSON takes it: sets and maps as lists. */
export function plainSurface(surface: Content): object {
  return {
    ...surface,
    blocked: [...surface.blocked],
    boosts: { genres: [...surface.boosts.genres], movies: [...surface.boosts.movies] },
  };
}

function versionOf(surface: Content): string {
  const text = JSON.stringify(plainSurface(surface));
  return createHash('sha256').update(text).digest('hex').slice(0, VERSION_DIGITS);
}
