import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../common/random.ts';
import { arrange } from '../../../../serving/lists/arrange.ts';
import type { ArrangeInput } from '../../../../serving/lists/arrange.ts';

import type { Diversity, Surface } from '../../../../serving/ranking/surface.ts';
import { idsOf } from '../ranking/lists.ts';
import { GENRES, candidatesOf, catalogueOf, inputOf } from './surfaces.ts';

const MOVIES = 40;
const catalogue = catalogueOf(MOVIES);
/** Some of them are in no catalogue: withdrawn. */
const movie = fc.integer({ min: 1, max: MOVIES + 8 });
const movies = (maxLength: number) => fc.array(movie, { maxLength });
/** Mostly none of them: lists that filters leave empty show nothing. */
const some = fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.subarray(GENRES));
const year = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  fc.integer({ min: 1975, max: 2025 }),
);
const dates = fc.record({
  from: fc.option(fc.integer({ min: 0, max: 10 })),
  until: fc.option(fc.integer({ min: 0, max: 10 })),
});
const NOW = 5;

const pins = fc
  .uniqueArray(movie, { maxLength: 4 })
  .chain((pinned) =>
    fc
      .uniqueArray(fc.integer({ min: 1, max: 20 }), {
        minLength: pinned.length,
        maxLength: pinned.length,
      })
      .map((positions) => pinned.map((movieId, i) => ({ movieId, position: positions[i] ?? 1 }))),
  )
  .chain((pairs) => fc.tuple(...pairs.map((pair) => dates.map((when) => ({ ...pair, ...when })))));

const diversity = fc.oneof<fc.Arbitrary<Diversity>[]>(
  fc.constant({ kind: 'none' }),
  fc.record({
    kind: fc.constant('mmr' as const),
    relevance: fc.double({ min: 0, max: 1, noNaN: true }),
    over: fc.integer({ min: 2, max: 30 }),
  }),
  fc.record({
    kind: fc.constant('most_per_genre' as const),
    most: fc.integer({ min: 1, max: 5 }),
  }),
);

const surface: fc.Arbitrary<Surface> = fc.record({
  name: fc.constant('home'),
  version: fc.constant('000000000000'),
  limit: fc.constant(20),
  filter: fc.record({ genresAny: some, genresNone: some, yearFrom: year, yearTo: year }),
  blocked: movies(6).map((ids) => new Set(ids)),
  boosts: fc.record({
    genres: fc.constantFrom(new Map<string, number>(), new Map([['noir', 1]])),
    movies: movies(3).map((ids) => new Map(ids.map((id) => [id, -1]))),
  }),
  pins,
  reserved: fc.array(
    fc
      .record({
        slots: fc.integer({ min: 1, max: 4 }),
        of: fc.integer({ min: 1, max: 12 }),
        movieIds: movies(8).map((ids) => [...new Set(ids)]),
      })
      .chain((slots) => dates.map((when) => ({ ...slots, ...when }))),
    { maxLength: 3 },
  ),
  seen: fc.constantFrom('hide' as const, 'demote' as const, 'show' as const),
  impressionDiscount: fc.constantFrom(0, 0.8, 1),
  popularityExponent: fc.constantFrom(0, -0.1, 0.5),
  diversity,
  exploration: fc.record({
    share: fc.constantFrom(0, 0.5),
    fromPosition: fc.integer({ min: 1, max: 8 }),
    pool: fc.integer({ min: 1, max: 10 }),
  }),
});

const input: fc.Arbitrary<ArrangeInput> = fc.record({
  candidates: fc.array(movie, { minLength: 3, maxLength: 60, size: 'max' }).map(candidatesOf),
  catalogue: fc.constant(catalogue),
  popularityOf: fc.constant((movieId: number) => 1000 / movieId),
  seen: fc.array(movie, { maxLength: 20, size: 'max' }).map((ids) => new Set(ids)),
  shown: movies(5).map((ids) => new Map(ids.map((id) => [id, 2]))),
  surface,
  filter: fc.record({ exclude: movies(5), genres: some, yearFrom: year, yearTo: year }),
  seenPolicy: fc.constantFrom(null, 'hide' as const, 'demote' as const, 'show' as const),
  length: fc.integer({ min: 0, max: 15 }),
  firstPosition: fc.constantFrom(1, 1, 4),
  pool: fc.option(fc.array(movie, { maxLength: 20, size: 'max' })),
  now: fc.constant(NOW),
  random: fc.integer().map((seed) => createRandom(seed)),
});

/** Said again in other words, so that one mistake isn't made twice. */
function mayStand({ surface, filter, seen, seenPolicy }: ArrangeInput, movieId: number): boolean {
  const place = movieId - 1;
  if (movieId > MOVIES || surface.blocked.has(movieId) || filter.exclude.includes(movieId))
    return false;
  if ((seenPolicy ?? surface.seen) === 'hide' && seen.has(movieId)) return false;
  const genres = [...(catalogue.genresOf[place] ?? [])].map(
    (genre) => catalogue.genres[genre] ?? '',
  );
  const hasOneOf = (names: readonly string[]) => genres.some((genre) => names.includes(genre));
  const year = catalogue.years[place] ?? 0;
  for (const { yearFrom, yearTo } of [surface.filter, filter]) {
    if (yearFrom !== null && (year === 0 || year < yearFrom)) return false;
    if (yearTo !== null && (year === 0 || year > yearTo)) return false;
  }
  if (filter.genres.length > 0 && !hasOneOf(filter.genres)) return false;
  if (surface.filter.genresAny.length > 0 && !hasOneOf(surface.filter.genresAny)) return false;
  return !hasOneOf(surface.filter.genresNone);
}

const current = ({ from, until }: { from: number | null; until: number | null }): boolean =>
  (from ?? 0) <= NOW && NOW < (until ?? 11);

const pinsHere = (given: ArrangeInput) =>
  given.surface.pins
    .filter((pin) => current(pin) && mayStand(given, pin.movieId))
    .map(({ movieId, position }) => ({ movieId, index: position - given.firstPosition }))
    .filter(({ index }) => index >= 0 && index < given.length);

const always = (check: (given: ArrangeInput) => void): void => {
  fc.assert(fc.property(input, check), { numRuns: 500 });
};

describe('whatever the surface, the request and the user are', () => {
  it('no movie stands twice, and each may stand there', () => {
    always((given) => {
      const ids = idsOf(arrange(given));
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) expect(mayStand(given, id)).toBe(true);
    });
  });

  it('the list is as long as asked for, or as there are movies', () => {
    always((given) => {
      const all = new Set(
        [...given.candidates, ...pinsHere(given)]
          .map(({ movieId }) => movieId)
          .filter((movieId) => mayStand(given, movieId)),
      );
      const count = arrange(given).length;
      expect(count).toBeGreaterThanOrEqual(Math.min(given.length, all.size));
      expect(count).toBeLessThanOrEqual(given.length);
      if (given.surface.reserved.length === 0) expect(count).toBe(Math.min(given.length, all.size));
    });
  });

  it('pins stand at their place, or as far down as the list goes', () => {
    always((given) => {
      const items = arrange(given);
      for (const { movieId, index } of pinsHere(given)) {
        const found = items.findIndex((item) => item.movieId === movieId);
        if (items.length === given.length) expect(found).toBe(index);
        // Moved up: then nothing but pins could come after it.
        if (found !== index) {
          expect(found).toBeLessThan(index);
          for (const { origin } of items.slice(found)) expect(origin).toBe('pinned');
        }
        expect(items[found]).toMatchObject({ origin: 'pinned', propensity: 1 });
      }
    });
  });

  it('reserved slots are filled where movies and places are there', () => {
    always((given) => {
      const [slots] = given.surface.reserved;
      const only = { ...given, surface: { ...given.surface, reserved: slots ? [slots] : [] } };
      if (slots === undefined || !current(slots) || given.firstPosition !== 1) return;
      const items = arrange(only);
      const size = Math.min(slots.of, given.length);
      if (items.length < size) return;
      const members = slots.movieIds.filter((movieId) => mayStand(given, movieId));
      const pins = pinsHere(given).map(({ movieId, index }) => ({
        inside: index < size,
        isMember: members.includes(movieId),
      }));
      const taken = pins.filter(({ inside, isMember }) => inside && !isMember).length;
      const elsewhere = pins.filter(({ inside, isMember }) => !inside && isMember).length;
      const possible = Math.min(slots.slots, size - taken, members.length - elsewhere);
      const found = idsOf(items.slice(0, size)).filter((id) => members.includes(id)).length;
      expect(found).toBeGreaterThanOrEqual(possible);
    });
  });

  it('what is demoted stands behind all that the user has not seen, unless a rule puts it there', () => {
    always((given) => {
      if ((given.seenPolicy ?? given.surface.seen) !== 'demote') return;
      const plain = { ...given, surface: { ...given.surface, reserved: [] } };
      const seen = arrange(plain)
        // What is explored takes a place wherever it stands, that of a demoted movie too.
        .filter(({ origin }) => origin !== 'pinned' && origin !== 'explored')
        .map(({ movieId }) => given.seen.has(movieId));
      expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
    });
  });

  it('one seed gives one list', () => {
    always((given) => {
      const twice = [1, 2].map(() => arrange({ ...given, random: createRandom(5) }));
      expect(twice[0]).toEqual(twice[1]);
    });
  });

  it('candidates of a generator give the same list as those of an array', () => {
    always((given) => {
      const { candidates } = given;
      function* oneByOne() {
        yield* candidates;
      }
      const lists = [candidates, oneByOne()].map((source) =>
        arrange({ ...given, candidates: source, random: createRandom(5) }),
      );
      expect(lists[0]).toEqual(lists[1]);
    });
  });
});

it('with all steps off the list is the candidates in their order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: MOVIES })), (ids) => {
      const items = arrange(inputOf({ candidates: candidatesOf(ids), length: 15 }));
      expect(idsOf(items)).toEqual(ids.slice(0, 15));
      expect(items.every(({ propensity }) => propensity === 1)).toBe(true);
    }),
  );
});
