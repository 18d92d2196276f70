import { uuidv7 } from '../../../common/uuid.ts';
import { createRandom, type Random } from '../../../common/random.ts';
import { createLongTail } from '../../support/long-tail.ts';

/** One action in the shape of the Avro record `UserAction`. */
export interface BenchAction {
  readonly event_id: Buffer;
  readonly user_id: string;
  readonly action: string;
  readonly movie_id: number | null;
  readonly value: number | null;
  readonly occurred_at: number;
  readonly session_id: string | null;
  readonly request_id: Buffer | null;
  readonly position: number | null;
  readonly device: string | null;
  readonly app: string;
  readonly app_version: string | null;
  readonly properties: Readonly<Record<string, string>>;
}

/** One serve in the shape of the Avro record `RecommendationServe`. */
export interface BenchServe {
  readonly request_id: Buffer;
  readonly user_id: string;
  readonly served_at: number;
  readonly source: string;
  readonly algorithm: string;
  readonly model_version: string | null;
  readonly surface: string | null;
  readonly movie_ids: readonly number[];
  readonly scores: readonly number[];
  readonly latency_ms: number | null;
  readonly app: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface EventPlan {
  readonly seed: number;
  readonly actions: number;
  readonly users: number;
  readonly movies: number;
  /** Epoch milliseconds of the last action; the first lies `spanMs` before. */
  readonly endMs: number;
  readonly spanMs: number;
}

/** Whether two plans give the same events, their times excepted. */
export function isSamePlan(a: EventPlan, b: EventPlan): boolean {
  const keys = ['seed', 'actions', 'users', 'movies', 'spanMs'] as const;
  return keys.every((key) => a[key] === b[key]);
}

export type BenchEvent =
  | { readonly kind: 'action'; readonly action: BenchAction; readonly user: number }
  | { readonly kind: 'serve'; readonly serve: BenchServe; readonly user: number };

/** Cumulative shares: 70 % impressions and views, the rest as a film service sees them. */
const ACTION_MIX: readonly (readonly [string, number])[] = [
  ['impression', 0.5],
  ['view', 0.7],
  ['click', 0.8],
  ['play', 0.865],
  ['progress', 0.925],
  ['complete', 0.945],
  ['rate', 0.965],
  ['like', 0.975],
  ['dislike', 0.978],
  ['list_add', 0.986],
  ['list_remove', 0.988],
  ['share', 0.99],
  ['search', 1],
];
const REQUEST_SHARE = 0.2;
const ACTIONS_PER_SERVE = 20;
const SERVE_LENGTH = 20;
/** Answers come to one of the latest serves. */
const RECENT_SERVES = 2_000;
const JITTER_MS = 2_000;
const DEVICES = ['phone', 'tv', 'web', 'tablet'] as const;
const APPS = ['marquee-web', 'marquee-tv', 'marquee-ios', 'marquee-android'] as const;
const VERSIONS = ['4.18.0', '4.18.1', '4.19.0'] as const;
const LOCALES = ['en-GB', 'de-DE', 'fr-FR', 'es-ES', 'pt-BR'] as const;
const NO_PROPERTIES: Readonly<Record<string, string>> = {};

/** The app's name of a user: stable, so that a table by index can be made once. */
export function userName(user: number): string {
  return `user-${String(user).padStart(6, '0')}`;
}

/**
 * Yields the plan's actions in order of time (a jitter of two seconds apart), with a serve after
 * every 20 actions. The same plan gives the same bytes.
 */
export function* generateEvents(plan: EventPlan): Generator<BenchEvent, void, undefined> {
  const random = createRandom(plan.seed);
  const drawUser = createLongTail(plan.users, 0.5, random);
  const drawMovie = createLongTail(plan.movies, 0.9, random);
  const recent: { serve: BenchServe; user: number }[] = [];
  const bits = new Uint8Array(10);
  const startMs = plan.endMs - plan.spanMs;
  for (let index = 0; index < plan.actions; index++) {
    const base = startMs + Math.floor((index / plan.actions) * plan.spanMs);
    const at = Math.min(plan.endMs, base + random.below(2 * JITTER_MS) - JITTER_MS);
    if (index % ACTIONS_PER_SERVE === 0) {
      const user = drawUser();
      const serve = makeServe(user, base - JITTER_MS, drawMovie, random, bits);
      if (recent.length < RECENT_SERVES) recent.push({ serve, user });
      else recent[(index / ACTIONS_PER_SERVE) % RECENT_SERVES] = { serve, user };
      yield { kind: 'serve', serve, user };
    }
    const answered =
      random.next() < REQUEST_SHARE ? recent[random.below(recent.length)] : undefined;
    const user = answered?.user ?? drawUser();
    const action = makeAction(user, at, answered?.serve ?? null, drawMovie, random, bits);
    yield { kind: 'action', action, user };
  }
}

function makeServe(
  user: number,
  at: number,
  drawMovie: () => number,
  random: Random,
  bits: Uint8Array,
): BenchServe {
  random.fill(bits);
  return {
    request_id: uuidv7(at, bits),
    user_id: userName(user),
    served_at: at,
    source: random.next() < 0.8 ? 'cache' : 'similarity',
    algorithm: 'als-blend',
    model_version: '2026-11-01',
    surface: 'home',
    movie_ids: Array.from({ length: SERVE_LENGTH }, () => drawMovie() + 1),
    scores: Array.from({ length: SERVE_LENGTH }, (_, place) => 1 - place / SERVE_LENGTH),
    latency_ms: random.below(200) / 10,
    app: 'marquee-serving',
    properties: NO_PROPERTIES,
  };
}

function makeAction(
  user: number,
  at: number,
  answered: BenchServe | null,
  drawMovie: () => number,
  random: Random,
  bits: Uint8Array,
): BenchAction {
  const action = drawAction(random, answered !== null);
  const place = answered === null ? 0 : random.below(answered.movie_ids.length);
  const movie = answered?.movie_ids[place] ?? drawMovie() + 1;
  const app = user & 3;
  random.fill(bits);
  return {
    event_id: uuidv7(at, bits),
    user_id: userName(user),
    action,
    movie_id: action === 'search' ? null : movie,
    value: drawValue(action, random),
    occurred_at: at,
    // A session of a user lasts a quarter of an hour here: short, repeated text, as in life.
    session_id: `s-${user.toString(36)}-${Math.floor(at / 900_000).toString(36)}`,
    request_id: answered?.request_id ?? null,
    position: answered === null ? null : place + 1,
    device: DEVICES[app] as string,
    app: APPS[app] as string,
    app_version: VERSIONS[user % 3] as string,
    properties:
      random.next() < 0.3 ? { locale: LOCALES[user % LOCALES.length] as string } : NO_PROPERTIES,
  };
}

function drawAction(random: Random, answers: boolean): string {
  const drawn = random.next();
  for (const [name, upTo] of ACTION_MIX) {
    // A search doesn't answer a serve.
    if (drawn < upTo) return answers && name === 'search' ? 'impression' : name;
  }
  return 'impression';
}

function drawValue(action: string, random: Random): number | null {
  if (action === 'rate') return (random.below(10) + 1) / 2;
  if (action === 'progress') return (random.below(100) + 1) / 100;
  if (action === 'complete') return 1;
  return null;
}
