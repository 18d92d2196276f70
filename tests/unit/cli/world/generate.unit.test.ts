import { describe, expect, it } from 'vitest';
import { generateWorld, timeOf } from '../../../../cli/world/generate.ts';
import type { WorldEvent } from '../../../../cli/world/generate.ts';
import { createTruth } from '../../../../cli/world/model.ts';
import type { WorldPlan } from '../../../../cli/world/plan.ts';
import { validateMovie } from '../../../../schemas/movie.ts';
import { buildAction, buildServe } from '../../../../sdk/src/actions.ts';

const plan: WorldPlan = {
  seed: 7,
  users: 300,
  movies: 400,
  events: 30_000,
  hours: 12,
  untilMs: Date.UTC(2026, 10, 22, 21),
};
const label = { import: 'test' };
const self = { app: 'x', appVersion: null, device: null, makeId: () => Buffer.alloc(16) };
const events = [...generateWorld(plan, label)];
const actions = events.flatMap((event) => (event.kind === 'action' ? [event.action] : []));
const serves = events.flatMap((event) => (event.kind === 'serve' ? [event.serve] : []));
const indexOf = (id: string | number | undefined): number =>
  typeof id === 'number' ? id - 1_000_001 : Number(id?.slice('world-'.length)) - 1;

describe('generateWorld', () => {
  it('yields exactly the actions asked for, in order of time, inside the window', () => {
    expect(actions.length).toBe(plan.events);
    const times = events.map(timeOf);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(plan.untilMs - 12 * 3_600_000);
    expect(times.at(-1)).toBeLessThanOrEqual(plan.untilMs);
  });

  it('gives the same events for the same plan, and others for another seed', () => {
    expect([...generateWorld(plan, label)]).toEqual(events);
    const other = [...generateWorld({ ...plan, seed: 8 }, label)];
    const ids = new Set(actions.map(({ eventId }) => eventId));
    expect(ids.size).toBe(plan.events);
    expect(other.some((e) => e.kind === 'action' && ids.has(e.action.eventId))).toBe(false);
  });

  it('moves in time without changing anything else', () => {
    const moved = [...generateWorld({ ...plan, untilMs: plan.untilMs + 1000 }, label)];
    const what = (e: WorldEvent): unknown =>
      e.kind === 'serve'
        ? [e.serve.servedAt, e.serve.movieIds]
        : [e.action.occurredAt, e.action.userId, e.action.action, e.action.movieId];
    const shifted = moved.map((e) => what(e) as [number, ...unknown[]]);
    expect(shifted.map(([at, ...rest]) => [at - 1000, ...rest])).toEqual(events.map(what));
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
    expect(share(actions.map(({ movieId }) => movieId), plan.movies)).toBeGreaterThan(0.3);
    expect(share(actions.map(({ userId }) => userId), plan.users)).toBeGreaterThan(0.2);
  });
});

describe('tastes can be learned from what is observed', () => {
  const truth = createTruth(plan);
  const liking = (action: (typeof actions)[number]): number =>
    truth.liking(indexOf(action.userId), indexOf(action.movieId));

  it('ratings follow liking', () => {
    const rated = actions.filter(({ action }) => action === 'rate');
    const stars = rated.map((action) => action.value as number);
    expect(correlation(rated.map(liking), stars)).toBeGreaterThan(0.6);
    expect(Math.min(...stars)).toBeLessThanOrEqual(2);
    expect(Math.max(...stars)).toBe(5);
  });

  it('clicks follow liking, and better lists are clicked more', () => {
    const shown = actions.filter(({ action }) => action === 'impression');
    const clicks = new Set(
      actions.flatMap(({ action, requestId, movieId }) =>
        action === 'click' && requestId !== undefined ? [`${requestId}/${String(movieId)}`] : [],
      ),
    );
    const isClicked = (a: (typeof actions)[number]): boolean =>
      clicks.has(`${a.requestId ?? ''}/${String(a.movieId)}`);
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

  it('a model fitted to some ratings predicts the others better than averages do', () => {
    const rated = actions
      .filter(({ action }) => action === 'rate')
      .map((a) => ({ u: indexOf(a.userId), m: indexOf(a.movieId), stars: a.value as number }));
    const seen = actions
      .filter(({ action }) => action === 'progress' || action === 'complete')
      .map((a) => ({ u: indexOf(a.userId), m: indexOf(a.movieId), stars: a.value as number }));
    expect(rated.length).toBeGreaterThan(300);
    // How much was watched tells most: 8 factors on it against user and movie means.
    const test = seen.filter((_, i) => i % 5 === 0);
    const train = seen.filter((_, i) => i % 5 !== 0);
    expect(factorError(train, test, 8)).toBeLessThan(0.97 * factorError(train, test, 0));
  });
});

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
