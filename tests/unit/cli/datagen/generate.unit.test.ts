import { describe, expect, it } from 'vitest';
import { generateWorld, timeOf } from '../../../../cli/datagen/generate.ts';
import type { WorldEvent } from '../../../../cli/datagen/generate.ts';
import { createTruth } from '../../../../cli/datagen/model.ts';
import type { WorldPlan } from '../../../../cli/datagen/plan.ts';
import { validateMovie } from '../../../../schemas/movie.ts';
import { buildAction, buildServe } from '../../../../sdk/src/actions.ts';
import { HOUR_MS } from '../../../../common/time.ts';

const plan: WorldPlan = {
  seed: 7,
  round: 1,
  users: 250,
  movies: 300,
  events: 50_000,
  hours: 12,
  untilMs: Date.UTC(2026, 10, 22, 21),
};
const label = { import: 'test' };
const self = { app: 'x', appVersion: null, device: null, makeId: () => Buffer.alloc(16) };
const events = [...generateWorld(plan, label)];
const actions = events.flatMap((event) => (event.kind === 'action' ? [event.action] : []));
const serves = events.flatMap((event) => (event.kind === 'serve' ? [event.serve] : []));
const indexOf = (id: string | number | undefined): number =>
  typeof id === 'number' ? id - 8_000_001 : Number(id?.slice('world-7-'.length)) - 1;

describe('generateWorld', { timeout: 30_000 }, () => {
  it('yields exactly the actions asked for, in order of time, inside the window', () => {
    expect(actions.length).toBe(plan.events);
    const times = events.map(timeOf);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(plan.untilMs - 12 * HOUR_MS);
    expect(times.at(-1)).toBeLessThanOrEqual(plan.untilMs);
  });

  const small = { ...plan, events: 3_000 };
  const few = [...generateWorld(small, label)];

  it('gives the same events for the same plan, and others for another seed or round', () => {
    expect([...generateWorld(small, label)]).toEqual(few);
    const seed = [...generateWorld({ ...small, seed: 8 }, label)];
    const round = [...generateWorld({ ...small, round: 2 }, label)];
    const idOf = (e: WorldEvent): string | undefined =>
      e.kind === 'serve' ? e.serve.requestId : e.action.eventId;
    const all = [...few, ...seed, ...round];
    expect(new Set(all.map(idOf)).size).toBe(all.length);
  });

  it('has the same users and movies in every round, and others for another seed', () => {
    const about = (change: Partial<WorldPlan>) => {
      const found = new Set<string | number | null | undefined>();
      for (const e of generateWorld({ ...small, ...change }, label))
        if (e.kind === 'action') found.add(e.action.userId).add(e.action.movieId);
      found.delete(undefined);
      return found;
    };
    const first = about({});
    const shared = (change: Partial<WorldPlan>): number =>
      [...about(change)].filter((id) => first.has(id)).length;
    expect(shared({ seed: 8 })).toBe(0);
    expect(shared({ round: 2 })).toBeGreaterThan(first.size / 2);
    expect(createTruth({ ...small, round: 2 }).movies).toEqual(createTruth(small).movies);
  });

  it('moves in time without changing anything else', () => {
    const moved = generateWorld({ ...small, untilMs: plan.untilMs + 1000 }, label);
    const what = (e: WorldEvent, shiftMs: number): unknown =>
      e.kind === 'serve'
        ? [e.serve.servedAt - shiftMs, e.serve.userId, e.serve.movieIds]
        : [e.action.occurredAt - shiftMs, e.action.userId, e.action.action, e.action.movieId];
    expect(Array.from(moved, (e) => what(e, 1000))).toEqual(few.map((e) => what(e, 0)));
  });

  it('keeps the rules of the schemas', () => {
    for (const action of actions) buildAction(action.action, action, self);
    for (const serve of serves) buildServe(serve, self);
    for (const movie of createTruth(plan).movies) expect(validateMovie(movie)).toBeNull();
    expect(new Set(actions.map(({ action }) => action)).size).toBe(13);
  });

  it('answers serves of the same user, earlier, by a movie that stands at that position', () => {
    const byId = new Map(serves.map((serve) => [serve.requestId, serve]));
    const answers = actions.filter(({ requestId }) => requestId !== undefined);
    expect(answers.length).toBeGreaterThan(plan.events / 2);
    for (const answer of answers) {
      const serve = byId.get(answer.requestId);
      expect(serve?.userId).toBe(answer.userId);
      expect(serve?.movieIds[(answer.position ?? 0) - 1]).toBe(answer.movieId);
      expect(answer.occurredAt).toBeGreaterThanOrEqual(serve?.servedAt ?? Infinity);
    }
  });

  it('has a long tail of movies and of users', () => {
    const share = (ids: readonly (string | number | undefined)[], ofAll: number): number => {
      const counts = [...Map.groupBy(ids, (id) => id).values()].map((group) => group.length);
      counts.sort((a, b) => b - a);
      const top = counts.slice(0, Math.ceil(ofAll / 10)).reduce((sum, n) => sum + n, 0);
      return top / ids.length;
    };
    expect(
      share(
        actions.map(({ movieId }) => movieId),
        plan.movies,
      ),
    ).toBeGreaterThan(0.3);
    expect(
      share(
        actions.map(({ userId }) => userId),
        plan.users,
      ),
    ).toBeGreaterThan(0.2);
  });
});

describe('tastes can be learned from what is observed', { timeout: 30_000 }, () => {
  const truth = createTruth(plan);
  const liking = (action: (typeof actions)[number]): number =>
    truth.liking(indexOf(action.userId), indexOf(action.movieId));

  const clicks = new Set(
    actions.flatMap(({ action, requestId, movieId }) =>
      action === 'click' && requestId !== undefined ? [`${requestId}/${movieId}`] : [],
    ),
  );
  const isClicked = (a: (typeof actions)[number]): boolean =>
    clicks.has(`${a.requestId ?? ''}/${String(a.movieId)}`);

  it('ratings follow liking', () => {
    const rated = actions.filter(({ action }) => action === 'rate');
    const stars = rated.map((action) => ('value' in action ? (action.value ?? 0) : 0));
    expect(correlation(rated.map(liking), stars)).toBeGreaterThan(0.6);
    expect(Math.min(...stars)).toBeLessThanOrEqual(2);
    expect(Math.max(...stars)).toBe(5);
  });

  it('clicks follow liking, and better lists are clicked more', () => {
    const shown = actions.filter(({ action }) => action === 'impression');
    const rate = (of: typeof actions): number => of.filter(isClicked).length / of.length;
    const ordered = shown.toSorted((a, b) => liking(a) - liking(b));
    const third = Math.floor(ordered.length / 3);
    expect(rate(ordered.slice(-third))).toBeGreaterThan(3 * rate(ordered.slice(0, third)));

    const sourceOf = new Map(serves.map(({ requestId, source }) => [requestId, source]));
    const bySource = Map.groupBy(shown, ({ requestId }) => sourceOf.get(requestId));
    expect(rate(bySource.get('similarity') ?? [])).toBeGreaterThan(
      1.5 * rate(bySource.get('popular') ?? []),
    );
  });

  it('what is clicked together tells what a user clicks next, beyond what is popular', () => {
    const clicked = actions.filter(({ action }) => action === 'click');
    const cut = Math.floor(clicked.length * 0.8);
    const historyOf = new Map<string, Set<number>>();
    for (const { userId, movieId } of clicked.slice(0, cut))
      historyOf.set(userId, (historyOf.get(userId) ?? new Set()).add(movieId as number));
    const alike = createLikeness([...historyOf.values()]);
    const score = (history: ReadonlySet<number>, movie: number): number =>
      [...history].reduce((sum, other) => sum + alike(movie, other), 0);

    let wins = 0;
    let pairs = 0;
    for (const [i, { userId, movieId }] of clicked.slice(cut).entries()) {
      const history = historyOf.get(userId);
      if (history === undefined || history.has(movieId as number)) continue;
      // Others are drawn from what everybody clicked, so that being popular helps neither.
      for (let draw = 0; draw < 20; draw++) {
        const other = clicked[(i * 7919 + draw * 104_729) % cut]?.movieId as number;
        if (history.has(other) || other === movieId) continue;
        const lead = score(history, movieId as number) - score(history, other);
        wins += lead > 0 ? 1 : lead === 0 ? 0.5 : 0;
        pairs += 1;
      }
    }
    expect(pairs).toBeGreaterThan(3_000);
    expect(wins / pairs).toBeGreaterThan(0.56);
  });
});

/** Cosine of two movies' users, drawn to 0 where there are few. */
function createLikeness(histories: readonly ReadonlySet<number>[]) {
  const together = new Map<string, number>();
  const count = (key: string): void => void together.set(key, (together.get(key) ?? 0) + 1);
  for (const history of histories)
    for (const a of history) for (const b of history) count(`${a}/${b}`);
  const of = (a: number, b: number): number => together.get(`${a}/${b}`) ?? 0;
  return (a: number, b: number): number => of(a, b) / (Math.sqrt(of(a, a) * of(b, b)) + 3);
}

function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  let [sxy, sxx, syy] = [0, 0, 0];
  xs.forEach((x, i) => {
    const y = ys[i] as number;
    sxy += (x - mx) * (y - my);
    sxx += (x - mx) ** 2;
    syy += (y - my) ** 2;
  });
  return sxy / Math.sqrt(sxx * syy);
}
