import { expect, test } from 'vitest';
import { generateEvents } from '../../bench/load/events.ts';
import type { BenchAction, BenchServe } from '../../bench/load/events.ts';
import { validateUserAction } from '../../../schemas/user-action.ts';
import { isUuidv7, uuidTimeMs } from '../../../common/uuid.ts';
import { HOUR_MS } from '../../../common/time.ts';

const plan = {
  seed: 7,
  actions: 20_000,
  users: 5_000,
  movies: 1_000,
  endMs: 1_790_000_000_000,
  spanMs: HOUR_MS,
};

function generate(): { actions: BenchAction[]; serves: BenchServe[] } {
  const actions: BenchAction[] = [];
  const serves: BenchServe[] = [];
  for (const event of generateEvents(plan)) {
    if (event.kind === 'action') actions.push(event.action);
    else serves.push(event.serve);
  }
  return { actions, serves };
}

const { actions, serves } = generate();

test('the same plan gives the same events', () => {
  expect(generate()).toEqual({ actions, serves });
});

test('every action is valid and its id carries its time', () => {
  for (const action of actions) {
    expect(validateUserAction(action)).toBeNull();
    expect(isUuidv7(action.event_id)).toBe(true);
    expect(uuidTimeMs(action.event_id)).toBe(action.occurred_at);
  }
});

test('shares are as the benchmark promises', () => {
  const seen = actions.filter(({ action }) => action === 'impression' || action === 'view');
  const answers = actions.filter(({ request_id: id }) => id !== null);
  expect(seen.length / actions.length).toBeCloseTo(0.7, 1);
  expect(answers.length / actions.length).toBeCloseTo(0.2, 1);
  expect(serves).toHaveLength(actions.length / 20);
});

test('an answer names the user, the movie and the place of its serve', () => {
  const byId = new Map(serves.map((serve) => [serve.request_id.toString('hex'), serve]));
  for (const action of actions) {
    if (action.request_id === null) continue;
    const serve = byId.get(action.request_id.toString('hex'));
    expect(serve?.user_id).toBe(action.user_id);
    expect(serve?.movie_ids[(action.position ?? 0) - 1]).toBe(action.movie_id);
  }
});

test('times rise but for the jitter, and movies have a long tail', () => {
  let latest = 0;
  for (const { occurred_at: at } of actions) {
    expect(latest - at).toBeLessThanOrEqual(4_000);
    latest = Math.max(latest, at);
  }
  const counts = new Map<number | null, number>();
  for (const { movie_id: id } of actions) counts.set(id, (counts.get(id) ?? 0) + 1);
  const sorted = [...counts.values()].sort((a, b) => b - a);
  const top = sorted.slice(0, 100).reduce((sum, count) => sum + count, 0);
  expect(top / actions.length).toBeGreaterThan(0.4);
  expect(counts.size).toBeGreaterThan(900);
});
