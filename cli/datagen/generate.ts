import type { AnyAction, ServeFields } from '../../sdk/src/index.ts';
import { formatUuid, uuidv7 } from '../../common/uuid.ts';
import { createTruth, movieIdAt, userIdAt } from './model.ts';
import type { Truth } from './model.ts';
import { checkPlan } from './plan.ts';
import type { WorldPlan } from './plan.ts';
import { createRandom, createWeighted } from '../../common/random.ts';
import { VISIT_MS_MAX, playVisit } from './visit.ts';
import type { Draft, UserState } from './visit.ts';
import { HOUR_MS } from '../../common/time.ts';

/** A call of the producer, with everything given that would else come from its clock. */
export type WorldEvent =
  | { readonly kind: 'action'; readonly action: AnyAction & { readonly occurredAt: number } }
  | { readonly kind: 'serve'; readonly serve: ServeFields & { readonly servedAt: number } };

const DEVICES = ['tv', 'phone', 'web', 'tablet'] as const;
/** Visits are put in order of time this many at once. */
const CHUNK_VISITS = 512;
/** Of the time span: a visit is squeezed to this when it would be longer. */
const VISIT_SHARE_MAX = 1 / 8;

interface PlayedVisit {
  readonly user: number;
  readonly drafts: readonly Draft[];
}

/**
 * Yields the plan's events in order of time: exactly `plan.events` user actions, and the serves
 * that they answer. The same plan gives the same events, ids included; a plan that differs only in
 * `untilMs` gives the same at other times. Memory grows with users and what they have seen, not
 * with events. `label` goes into every event's properties.
 */
export function* generateWorld(
  plan: WorldPlan,
  label: Readonly<Record<string, string>>,
): Generator<WorldEvent, void, undefined> {
  checkPlan(plan);
  const truth = createTruth(plan);
  const visitCount = countVisits(plan, truth);
  const spanMs = Math.floor(plan.hours * HOUR_MS);
  const visitMs = Math.min(VISIT_MS_MAX, spanMs * VISIT_SHARE_MAX);
  const makeEvents = createEventMaker(plan, label, visitMs / VISIT_MS_MAX);
  const clock = createRandom(plan.seed, `clock/${plan.round}`);
  const firstMs = plan.untilMs - spanMs;
  let waiting: WorldEvent[] = [];
  let index = 0;
  for (const visit of visits(plan, truth)) {
    const within = (index + clock.next()) / visitCount;
    const startMs = firstMs + Math.floor(within * (spanMs - visitMs));
    if (index % CHUNK_VISITS === 0 && index > 0) {
      waiting.sort((a, b) => timeOf(a) - timeOf(b));
      // Later visits begin later; what happens before this one's begin is settled.
      const due = waiting.findIndex((event) => timeOf(event) >= startMs);
      yield* waiting.splice(0, due < 0 ? waiting.length : due);
    }
    waiting = makeEvents(visit, startMs, waiting);
    index += 1;
  }
  yield* waiting.sort((a, b) => timeOf(a) - timeOf(b));
}

export function timeOf(event: WorldEvent): number {
  return event.kind === 'action' ? event.action.occurredAt : event.serve.servedAt;
}

function countVisits(plan: WorldPlan, truth: Truth): number {
  const all = visits(plan, truth);
  let count = 0;
  while (all.next().done !== true) count += 1;
  return count;
}

/** Visits in their order until the plan's number of actions is reached; the last is cut there. */
function* visits(plan: WorldPlan, truth: Truth): Generator<PlayedVisit, void, undefined> {
  const random = createRandom(plan.seed, `visits/${plan.round}`);
  const drawUser = createWeighted(truth.activity, random);
  const drawMovie = createWeighted(truth.popularity, random);
  const states = new Map<number, UserState>();
  let left = plan.events;
  while (left > 0) {
    const user = drawUser();
    let state = states.get(user);
    if (state === undefined) states.set(user, (state = { seen: new Set(), listed: [] }));
    const drafts = playVisit(user, state, { truth, random, drawMovie });
    const kept = drafts.filter((draft) => draft.kind === 'serve' || left-- > 0);
    yield { user, drafts: kept };
  }
}

/** Gives drafts their times, ids and names. */
function createEventMaker(
  plan: WorldPlan,
  label: Readonly<Record<string, string>>,
  pace: number,
): (visit: PlayedVisit, startMs: number, into: WorldEvent[]) => WorldEvent[] {
  const ids = createRandom(plan.seed, `ids/${plan.round}`);
  const bits = new Uint8Array(10);
  const newId = (ms: number): string => {
    ids.fill(bits);
    return formatUuid(uuidv7(ms, bits));
  };
  return ({ user, drafts }, startMs, into) => {
    const userId = userIdAt(plan.seed, user);
    const sessionId = newId(startMs);
    // A user has a device that is used most.
    const device = DEVICES[(user + (ids.next() < 0.8 ? 0 : ids.below(4))) % 4] as string;
    let requestId: string | undefined;
    for (const draft of drafts) {
      const atMs = startMs + Math.floor(draft.atMs * pace);
      if (draft.kind === 'serve') {
        requestId = newId(atMs);
        into.push({
          kind: 'serve',
          serve: {
            requestId,
            userId,
            servedAt: atMs,
            source: draft.source,
            algorithm: draft.algorithm,
            ...(draft.source === 'popular' ? {} : { modelVersion: 'world-1' }),
            surface: 'home',
            movieIds: draft.movies.map((index) => movieIdAt(plan.seed, index)),
            scores: draft.scores,
            latencyMs: draft.latencyMs,
            properties: label,
          },
        });
        continue;
      }
      const { action, movie, value, position, query } = draft;
      // The model draws values and movies as each action's rules have it; the producer checks.
      const call = {
        action,
        eventId: newId(atMs),
        userId,
        occurredAt: atMs,
        sessionId,
        device,
        properties: query === null ? label : { ...label, query },
        ...(movie === null ? {} : { movieId: movieIdAt(plan.seed, movie) }),
        ...(value === null ? {} : { value }),
        ...(position === null ? {} : { position, requestId }),
      };
      into.push({ kind: 'action', action: call as AnyAction & { occurredAt: number } });
    }
    return into;
  };
}
