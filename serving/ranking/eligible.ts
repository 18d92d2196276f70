import type { Catalogue } from './catalogue.ts';
import type { RequestFilter, SeenPolicy, Surface, SurfaceFilter } from './surface.ts';

export interface EligibleRules {
  readonly catalogue: Catalogue;
  readonly surface: Pick<Surface, 'blocked' | 'filter' | 'seen'>;
  readonly filter: RequestFilter;
  readonly seen: ReadonlySet<number>;
  /** The request's; null is the surface's. */
  readonly seenPolicy: SeenPolicy | null;
}

/**
 * Whether a movie may stand in a list at all: it is in the catalogue, fits both filters, is neither
 * blocked nor excluded, nor hidden because it was seen.
 */
export function createEligible(rules: EligibleRules): (movieId: number) => boolean {
  const { catalogue, surface, filter, seen } = rules;
  const hidden = (rules.seenPolicy ?? surface.seen) === 'hide' ? seen : NONE;
  const excluded = filter.exclude.length === 0 ? NONE : new Set(filter.exclude);
  const fits = createFits(catalogue, surface.filter, filter);
  return (movieId) => {
    const place = catalogue.placeOf.get(movieId);
    return (
      place !== undefined &&
      !(surface.blocked.size > 0 && surface.blocked.has(movieId)) &&
      !(excluded.size > 0 && excluded.has(movieId)) &&
      !(hidden.size > 0 && hidden.has(movieId)) &&
      (fits === null || fits(place))
    );
  };
}

const NONE: ReadonlySet<number> = new Set();

/** Whether the movie at a place has the genres and the year that are asked for; null: each has. */
function createFits(
  catalogue: Catalogue,
  surface: SurfaceFilter,
  request: RequestFilter,
): ((place: number) => boolean) | null {
  const from = Math.max(surface.yearFrom ?? -Infinity, request.yearFrom ?? -Infinity);
  const to = Math.min(surface.yearTo ?? Infinity, request.yearTo ?? Infinity);
  const byYear = from !== -Infinity || to !== Infinity;
  const anyOf = [surface.genresAny, request.genres]
    .filter((names) => names.length > 0)
    .map((names) => indexesOf(catalogue, names));
  const noneOf = indexesOf(catalogue, surface.genresNone);
  if (!byYear && anyOf.length === 0 && noneOf.size === 0) return null;
  return (place) => {
    const year = catalogue.years[place] as number;
    // Of an unknown year nobody can say that it fits.
    if (byYear && (year === 0 || year < from || year > to)) return false;
    const genres = catalogue.genresOf[place] as Uint16Array;
    return anyOf.every((names) => hasOne(genres, names)) && !hasOne(genres, noneOf);
  };
}

function indexesOf(catalogue: Catalogue, names: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>();
  if (names.length === 0) return found;
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  catalogue.genres.forEach((name, index) => {
    if (wanted.has(name.toLowerCase())) found.add(index);
  });
  return found;
}

function hasOne(genres: Uint16Array, names: ReadonlySet<number>): boolean {
  for (const genre of genres) if (names.has(genre)) return true;
  return false;
}
