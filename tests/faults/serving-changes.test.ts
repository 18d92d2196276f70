import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisKey } from '../../serving/cache/list-cache.ts';
import type { Asked } from '../support/serving/load.ts';
import { anchorOf, moviesOf, popularOf, USERS } from '../support/serving/marked.ts';
import { allLogged, underLoad } from '../support/serving/under-load.ts';
import { sourcesOf } from '../support/serving/verdict.ts';
import type { AnswerJson } from '../support/serving/verdict.ts';
import { createWorld, listIsInRedis } from '../support/serving/world.ts';
import type { Serving, World } from '../support/serving/world.ts';
import { until } from '../support/until.ts';

let world: World;
let serving: Serving;
const asked: Asked[] = [];

beforeAll(async () => {
  world = await createWorld();
  for (const { userId, group } of USERS)
    world.producer.rate({ userId, movieId: anchorOf(group), value: 5 });
  await world.producer.flush();
  await until('profiles', 60_000, async () => {
    const [row] = await world.environment.db.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM user_profiles',
    );
    return row?.n === USERS.length;
  });
  serving = await world.serve();
});
afterAll(async () => {
  await world.close();
});

const url = () => serving.url;

async function ask(path: string): Promise<AnswerJson> {
  const headers = { authorization: `Bearer ${world.key}` };
  const response = await fetch(url() + path, { headers });
  expect(response.status).toBe(200);
  return (await response.json()) as AnswerJson;
}

const movies = ({ items = [] }: AnswerJson): number[] => items.map((item) => item.movie_id);

test('no model, a first one, another, and back again: no list of a model that does not serve', async () => {
  const all = await underLoad(world, url, async ({ load }) => {
    const without = Date.now();
    await load.more(200);
    for (const whom of ['acts', 'batch', 'nobody'] as const)
      expect(sourcesOf(load.asked, whom, without)).toEqual(['popular']);
    const first = await world.load(1);
    await load.more(1_000);
    await world.load(2);
    await load.more(1_000);
    await world.promote(first);
    const back = Date.now();
    await load.more(1_200);
    const versions = load.asked
      .filter(({ startedAt, question }) => startedAt > back + 4_000 && question.whom === 'acts')
      .filter(({ question }) => question.call === 'recommend')
      .map(({ text }) => (JSON.parse(text) as AnswerJson).model_version);
    expect([...new Set(versions)]).toEqual([first]);
    expect(sourcesOf(load.asked, 'batch', back + 4_000)).toEqual(['batch']);
  });
  asked.push(...all);
});

/** Shows the first half of their list so many times, and waits until the tables know. */
async function show(userId: string, times: number): Promise<readonly number[]> {
  world.producer.rate({ userId, movieId: anchorOf(1), value: 5 });
  await world.producer.flush();
  await listIsInRedis(world, userId);
  const path = `/v1/users/${userId}/recommendations?limit=14`;
  const ranked = moviesOf('ranked', 1, 1, 'home');
  expect(movies(await ask(path))).toEqual(ranked);
  const shown = ranked.slice(0, 7);
  for (let n = 0; n < times; n++) {
    const { request_id: requestId } = await ask(path);
    for (const movieId of shown) world.producer.impression({ userId, movieId, requestId });
    await world.producer.flush();
    await until('what was shown in the tables', 20_000, async () => {
      const rows = await world.environment.db.query(
        `SELECT FROM recommendation_logs JOIN recommendation_feedback USING (request_id)
          WHERE request_id = $1`,
        [requestId],
      );
      return rows.length === shown.length;
    });
  }
  return shown;
}

/** Of movies in the list in Redis that was made from this version of the profile, or a later one. */
async function meanRank(userId: string, of: readonly number[], version: number): Promise<number> {
  // Not by asking: each list that is asked for is shown once more.
  await until('the list of that profile', 20_000, async () => {
    const stored = await world.redis.getBuffer(redisKey({ userId, surface: 'home', arm: null }));
    return stored !== null && stored.readDoubleBE(12) >= version;
  });
  const now = movies(await ask(`/v1/users/${userId}/recommendations?limit=14`));
  return of.reduce((sum, movieId) => sum + now.indexOf(movieId) + 1, 0) / of.length;
}

test('what was shown five times without a response falls to the lower half', async () => {
  const shown = await show('shown', 5);
  world.producer.view({ userId: 'shown', movieId: anchorOf(1) });
  await world.producer.flush();
  const [profile] = await until('the view in the profile', 20_000, async () => {
    const rows = await world.environment.db.query<{ version: number }>(
      `SELECT profile_version AS version FROM user_profiles WHERE user_id = 'shown' AND views = 1`,
    );
    return rows.length > 0 && rows;
  });
  expect(await meanRank('shown', shown, profile?.version ?? NaN)).toBeGreaterThan(14 / 2);
});

test('also for who only looks', async () => {
  const shown = await show('looks', 6);
  // One rating, and the 40th impression.
  expect(await meanRank('looks', shown, 41)).toBeGreaterThan(14 / 2);
});

test('five pages of 20 repeat nothing, though the list changes in between', async () => {
  const userId = 'reads-on';
  world.producer.rate({ userId, movieId: anchorOf(0), value: 5 });
  await world.producer.flush();
  await listIsInRedis(world, userId);
  const seen: number[] = [];
  const changes = [
    () => world.producer.rate({ userId, movieId: anchorOf(2), value: 5 }).delivered,
    () => world.producer.rate({ userId, movieId: anchorOf(3), value: 5 }).delivered,
    () => world.load(2),
    () => world.redis.flushall(),
  ];
  // Not its movies: what was asked for is shown, and moves them too.
  const madeFrom = async (): Promise<string> => {
    const list = await ask(`/v1/users/${userId}/recommendations`);
    return `${list.profile_version} ${list.model_version}`;
  };
  let after = '';
  for (let page = 0; page < 5; page++) {
    const answer = await ask(`/v1/users/${userId}/recommendations?limit=20${after}`);
    expect(answer.items?.map(({ position }) => position)).toEqual(
      Array.from({ length: 20 }, (_, i) => 20 * page + i + 1),
    );
    seen.push(...movies(answer));
    after = `&after=${answer.request_id}`;
    const before = await madeFrom();
    await changes[page]?.();
    if (page < 3)
      await until('the list to change', 20_000, async () => (await madeFrom()) !== before);
  }
  expect(new Set(seen).size).toBe(100);
});

test('movies that are withdrawn are gone from every source within 5 s', async () => {
  const gone = [
    ...[1, 2].flatMap((model) => [
      ...moviesOf('ranked', model, 0, 'home').slice(0, 3),
      ...moviesOf('batch', model, 0, 'home').slice(0, 3),
    ]),
    ...popularOf('home').slice(0, 3),
  ];
  const all = await underLoad(world, url, async ({ load }) => {
    await load.more(300);
    for (const movieId of gone) await world.withdraw(movieId);
    await load.more(1_700);
  });
  const late = all.filter(({ startedAt }) => {
    return startedAt > Math.max(...world.truth.withdrawn.values()) + 5_000;
  });
  expect(new Set(late.map(({ question }) => question.call)).size).toBe(6);
  asked.push(...all);
});

test('afterwards every list that was answered with is in the log, once', async () => {
  await allLogged(world, asked);
});
