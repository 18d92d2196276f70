import { expect, it } from 'vitest';
import { readEnvironment } from '../../../../cli/config/config.ts';
import { createRandom } from '../../../../common/random.ts';
import { decodeServe, encodeServedList, SERVE_PART_TYPE } from '../../../../schemas/serve-parts.ts';
import { createRecommender } from '../../../../serving/answers/create-recommender.ts';
import type { ListQuery } from '../../../../serving/answers/recommender.ts';
import type { ListCache } from '../../../../serving/cache/list-cache.ts';
import { encodeStoredList } from '../../../../serving/lists/stored-list.ts';
import { servedListPart } from '../../../../serving/lists/serve-fields.ts';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import type { ServingState } from '../../../../serving/state/serving-state.ts';
import { parseSurfaces } from '../../../../serving/surfaces/surfaces-file.ts';
import { chiSquareAt001 } from '../../../support/chi-square.ts';

/** The long form: `EXPLORATION_SERVES=100000 npx vitest run --project unit exploration`. */
const SERVES = Number(readEnvironment()['EXPLORATION_SERVES'] ?? 20_000);
const SEED = Number(readEnvironment()['EXPLORATION_SEED'] ?? 20261127);
const LIMIT = 10;

const surfaces = parseSurfaces(
  Buffer.from(`surfaces:
  home:
    limit: ${LIMIT}
    exploration: { share: 0.3, from: 4, pool: 20 }
    pins: [{ movie: 7, position: 6 }]
`),
  'surfaces.yaml',
);
const ids = Array.from({ length: 90 }, (_, i) => i + 1);
const catalogue = createCatalogue(
  ids.map((movieId) => ({ movieId, title: `${movieId}`, year: null, genres: [] })),
);
const state: ServingState = {
  pool: {
    query: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  },
  sources: () => ({ catalogue, rankers: null, generation: 0, trending: null }),
  nearest: () => null,
  asOf: () => ({ model: null, catalogue: null }),
  ready: () => Promise.resolve(),
  refresh: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** As the processor makes it: the surface's list, and behind it what may be explored. */
function stored(userId: string): Buffer {
  const ranked = [1, 2, 3, 4, 5, 7, 6, ...ids.slice(7, 70)];
  const items = ranked.map((movieId, i) => ({
    movieId,
    score: 1 / (i + 1),
    propensity: 1,
    reason: { kind: movieId === 7 ? ('pinned' as const) : ('fits_taste' as const) },
  }));
  const [surface] = [...surfaces.byName.values()];
  const list = {
    userId,
    surface: 'home',
    surfaceVersion: surface?.version ?? '',
    arm: null,
    modelVersion: null,
    generation: 0,
    profileVersion: 1,
    madeAt: Date.now(),
    holdsUntil: Infinity,
    algorithm: 'fold_in' as const,
    length: LIMIT,
    items: items.slice(0, 50),
    pool: items.slice(50),
  };
  const bytes = encodeServedList(servedListPart(list, items.slice(0, LIMIT)));
  return encodeStoredList(list, { items: LIMIT, bytes });
}

const LIST = stored('cached');
const cache: ListCache = {
  getAll: (keys) => Promise.resolve(keys.map(({ userId }) => (userId === 'cached' ? LIST : null))),
  existing: () => Promise.resolve([]),
  drop: () => Promise.resolve(),
  put: () => Promise.resolve(true),
};

const silent = { info: () => undefined, warn: () => undefined };

it.each([
  ['cached', true],
  ['anybody', false],
])('what is logged as propensity is the frequency: %s', async (userId, personalize) => {
  const found = new Map<string, { count: number; propensity: number }>();
  const recommender = createRecommender({
    state,
    cache,
    surfaces: () => surfaces,
    random: createRandom(SEED, userId),
    log: { ...silent, debug: () => undefined, error: () => undefined },
    served: () => null,
    append(serve, list) {
      const record = decodeServe(Buffer.concat([SERVE_PART_TYPE.toBuffer(serve), list]));
      record.movie_ids.forEach((movieId, index) => {
        const key = `${index}:${movieId}`;
        const propensity = record.propensities[index] ?? 1;
        const known = found.get(key);
        if (known === undefined) found.set(key, { count: 1, propensity });
        else if (known.propensity === propensity) known.count++;
        else throw new Error(`${key} has propensities ${known.propensity} and ${propensity}`);
      });
      return Promise.resolve();
    },
  });
  const query: ListQuery = {
    ...{ app: 'test', surface: null, limit: null, include: [], seen: null, after: null },
    filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
    startedAt: performance.now(),
    userId,
    personalize,
  };
  for (let n = 0; n < SERVES; n++) await recommender.recommend(query);
  for (let index = 0; index < LIMIT; index++) {
    const here = [...found].filter(([key]) => key.startsWith(`${index}:`)).map(([, seen]) => seen);
    const isOpen = index >= 3 && index !== 5;
    expect(here).toHaveLength(isOpen ? 21 : 1);
    const told = here.reduce((sum, { propensity }) => sum + propensity, 0);
    expect(told).toBeCloseTo(1, 6);
    const chi = here.reduce((sum, { count, propensity }) => {
      const expected = propensity * SERVES;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    expect(chi, `place ${index}, seed ${SEED}`).toBeLessThan(chiSquareAt001(here.length - 1));
  }
});
