import { z } from 'zod';

/**
 * What surfaces.yaml may hold, with defaults and bounds. Messages given here are what is expected; the
 * names of an object's keys, joined by commas, where a key is unknown (schema-faults.ts reads both).
 */
function known<T extends z.core.$ZodShape>(shape: T) {
  const names = Object.keys(shape).join(',');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? names : undefined),
  });
}

function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function between(min: number, max: number) {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

const MOVIE = 'a movie id: a whole number from 1';
const movie = z.int({ error: MOVIE }).min(1, { error: MOVIE });
const movies = (max: number) => z.array(movie).max(max);
export const movieSet = movies(10_000);
const movieKey = z.string().regex(/^[1-9][0-9]{0,15}$/, { error: MOVIE });
const genre = z.string().min(1).max(64);
const genres = z.array(genre).max(50).default([]);
const year = whole(1800, 2200);
export const years = known({ from: year.optional(), to: year.optional() });
const amount = between(-1, 1);
const position = whole(1, 100);

const DATE = 'a date such as 2026-12-24, or a time such as 2026-12-24T18:00:00Z';
const date = z.union([z.iso.date(), z.iso.datetime({ offset: true })], { error: DATE }).optional();
const dates = { from: date, until: date };

export const pin = known({ movie, position, ...dates });
export const reserved = known({
  slots: position,
  of: position,
  movies: movies(1000).min(1),
  ...dates,
});

const diversity = z.preprocess(
  (given) => (given === 'none' ? { kind: 'none' } : given),
  z.discriminatedUnion('kind', [
    known({ kind: z.literal('none') }),
    known({
      kind: z.literal('mmr'),
      relevance: between(0, 1).default(0.9),
      over: whole(2, 200).default(50),
    }),
    known({ kind: z.literal('most_per_genre'), most: position }),
  ]),
);

const surfaceMap = known({
  limit: position.default(20),
  filter: known({
    genres: known({ any: genres, none: genres }).prefault({}),
    years: years.prefault({}),
    exclude: movieSet.default([]),
  }).prefault({}),
  blocked: movieSet.default([]),
  boosts: known({
    genres: z.record(genre, amount).default({}),
    movies: z.record(movieKey, amount).default({}),
  }).prefault({}),
  pins: z.array(pin).max(100).default([]),
  reserved: z.array(reserved).max(10).default([]),
  seen: z.enum(['hide', 'demote', 'show']).default('hide'),
  impression_discount: between(0, 1).default(0.8),
  popularity_exponent: between(-1, 1).default(0),
  diversity: diversity.default({ kind: 'none' }),
  exploration: known({
    share: between(0, 0.5).default(0),
    from: position.default(5),
    pool: whole(1, 1000).default(100),
  }).prefault({}),
});

/** `home:` with nothing behind it is a surface of defaults. */
const surface = z.preprocess((given) => given ?? {}, surfaceMap);

const NAME = 'a name of a to z, 0 to 9 and -, at most 64 characters';
export const surfaceName = z.string().regex(/^[a-z0-9-]{1,64}$/, { error: NAME });

export const fileSchema = known({
  default: surfaceName.default('home'),
  /** On no surface. */
  blocked: movieSet.default([]),
  surfaces: z.record(surfaceName, surface),
});

export const SURFACES_MAX = 64;

export type SurfaceContent = z.output<typeof surface>;
