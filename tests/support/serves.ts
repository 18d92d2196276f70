import type { RecommendationServeRecord } from '../../schemas/generated/types.ts';
import { uuidv7 } from '../../common/uuid.ts';

/** What a serve of version 1 says in the fields that version 2 added. */
export const ADDED_DEFAULTS = {
  surface_version: null,
  experiment: null,
  arm: null,
  after_request_id: null,
  first_position: 1,
  reasons: [],
  propensities: [],
  steps: [],
} as const satisfies Partial<RecommendationServeRecord>;

/** A serve that is good in every respect; `over` makes it special. */
export function serve(over: Partial<RecommendationServeRecord> = {}): RecommendationServeRecord {
  const servedAt = over.served_at ?? Date.now();
  return {
    request_id: uuidv7(servedAt),
    user_id: 'u1',
    served_at: servedAt,
    source: 'popular',
    algorithm: 'most-watched',
    model_version: null,
    surface: null,
    movie_ids: [1, 2, 3],
    scores: [],
    latency_ms: 1.5,
    app: 'test',
    properties: {},
    ...ADDED_DEFAULTS,
    ...over,
  };
}

/** A serve as the API makes it: a page of `movies`, everything said. */
export function fullServe(n: number, movies = 20): RecommendationServeRecord {
  const ids = Array.from({ length: movies }, (_, i) => 1 + ((n * 31 + i * 977) % 20_000));
  return serve({
    user_id: `user-${n % 1_000}`,
    source: 'cache',
    algorithm: 'live-blend',
    model_version: '20261127T020000Z-1f3a',
    surface: 'home',
    movie_ids: ids,
    scores: ids.map((id, i) => 1 / (1 + i + (id % 7) / 10)),
    latency_ms: 0.25 + (n % 40) / 16,
    surface_version: 'b7c2f1a09d34',
    experiment: 'rank-blend',
    arm: n % 2 === 0 ? 'a' : 'b',
    first_position: 1,
    reasons: ids.map((id, i) => (i % 3 === 2 ? 'popular' : `because_you:${id}`)),
    steps: ['cache:used'],
  });
}
