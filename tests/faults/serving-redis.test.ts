import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisKey } from '../../serving/cache/list-cache.ts';
import type { Asked } from '../support/serving/load.ts';
import { anchorOf, SURFACES, USERS } from '../support/serving/marked.ts';
import { allLogged, cachedAgain, underLoad } from '../support/serving/under-load.ts';
import { sourcesOf } from '../support/serving/verdict.ts';
import { createWorld, letUsersAct, listIsInRedis, warm } from '../support/serving/world.ts';
import type { Serving, World } from '../support/serving/world.ts';
import { until } from '../support/until.ts';

let world: World;
let serving: Serving;
const asked: Asked[] = [];

beforeAll(async () => {
  world = await createWorld();
  await world.load(1);
  await letUsersAct(world);
  serving = await world.serve();
});
afterAll(async () => {
  await world.close();
});

const url = () => serving.url;
const keyOf = (userId: string, surface: string): string => redisKey({ userId, surface, arm: null });
const evictAsBefore = async (): Promise<void> => {
  await world.redis.config('SET', 'maxmemory', '256mb');
  await world.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
};

test('killed, and replaced by an empty one: lists are computed meanwhile, and kept again', async () => {
  await warm(world, url());
  const all = await underLoad(world, url, async ({ load, struck }) => {
    struck();
    await world.environment.end('valkey', 'SIGKILL');
    const gone = Date.now();
    await load.more(500);
    expect(sourcesOf(load.asked, 'acts', gone)).toEqual(['similarity']);
    expect(sourcesOf(load.asked, 'batch', gone)).toEqual(['batch']);
    expect(sourcesOf(load.asked, 'nobody', gone)).toEqual(['popular']);
    rmSync(join(world.environment.home, 'valkey', 'dump.rdb'), { force: true });
    await world.environment.start('valkey');
    await cachedAgain(load);
  });
  asked.push(...all);
});

test('silent (SIGSTOP): nobody waits for it for long', async () => {
  await warm(world, url());
  const all = await underLoad(world, url, async ({ load, struck }) => {
    struck();
    await world.environment.signal('valkey', 'SIGSTOP');
    const gone = Date.now();
    await load.more(600);
    await world.environment.signal('valkey', 'SIGCONT');
    const during = load.asked.filter(({ startedAt }) => startedAt >= gone + 1_000);
    const tookMs = during
      .map(({ startedAt, endedAt }) => endedAt - startedAt)
      .sort((a, b) => a - b);
    expect(tookMs[Math.floor(tookMs.length / 2)]).toBeLessThan(500);
    expect(sourcesOf(during, 'acts', gone)).toEqual(['similarity']);
    await cachedAgain(load);
  });
  asked.push(...all);
});

test('full: what is in it is served, the rest is computed', async () => {
  await warm(world, url());
  const kept = new Set(USERS.filter(({ group }) => group < 3).map(({ userId }) => userId));
  await world.redis.config('SET', 'maxmemory-policy', 'noeviction');
  await world.redis.config('SET', 'maxmemory', '1');
  for (const { userId } of USERS)
    if (!kept.has(userId))
      await world.redis.del(...SURFACES.map((surface) => keyOf(userId, surface)));
  const all = await underLoad(world, url, async ({ load }) => {
    const full = Date.now();
    await load.more(800);
    const [there, gone] = [true, false].map((wanted) =>
      load.asked.filter(({ question }) => kept.has(question.userId ?? '') === wanted),
    );
    // On a busy machine one answer or another of Redis comes after its time; that list is computed too.
    const kinds = sourcesOf(there ?? [], 'acts', full);
    expect(kinds).toContain('cache');
    expect(['cache', 'similarity']).toEqual(expect.arrayContaining(kinds));
    expect(sourcesOf(gone ?? [], 'acts', full)).toEqual(['similarity']);
    await evictAsBefore();
    await cachedAgain(load);
  }).finally(evictAsBefore);
  asked.push(...all);
});

test('flushed: lists are computed, and kept again', async () => {
  await warm(world, url());
  const all = await underLoad(world, url, async ({ load }) => {
    await world.redis.flushall();
    const flushed = Date.now();
    await cachedAgain(load);
    expect(sourcesOf(load.asked, 'acts', flushed)).toEqual(['cache', 'similarity']);
  });
  asked.push(...all);
});

/** By group: what stands under the keys of its users, from the list that stood there. */
async function spoil(userId: string, group: number, surface: string): Promise<void> {
  const { redis } = world;
  const key = keyOf(userId, surface);
  const list = (await redis.getBuffer(key)) ?? Buffer.alloc(0);
  expect(list.length).toBeGreaterThan(100);
  switch (group) {
    case 0:
      await redis.set(key, randomBytes(500));
      return;
    case 1: // looks newer than any list
      await redis.set(key, Buffer.concat([list.subarray(0, 4), Buffer.alloc(600, 0xff)]));
      return;
    case 2:
      await redis.del(key);
      await redis.hset(key, 'a', 'b');
      return;
    case 3: // of somebody else, with another taste
      await redis.copy(keyOf(userId.replace('-3-', '-4-'), surface), key, 'REPLACE');
      return;
    case 4: // of the same user, of another surface
      await redis.copy(keyOf(userId, surface === 'home' ? 'mail' : 'home'), key, 'REPLACE');
      return;
    default:
      await redis.set(key, list.subarray(0, list.length - 10));
  }
}

test('foreign bytes, other types and lists of others under our keys: none is served', async () => {
  await warm(world, url());
  const all = await underLoad(world, url, async ({ load }) => {
    for (const { userId, group } of USERS)
      for (const surface of group === 4 ? (['home'] as const) : SURFACES)
        await spoil(userId, group, surface);
    await cachedAgain(load);
  });
  asked.push(...all);
});

test('afterwards every list that was answered with is in the log, once', async () => {
  await allLogged(world, asked);
});

const isReady = async (): Promise<{ status: number; text: string }> =>
  world.processors.http('/readyz');

async function likes(userIds: readonly string[]): Promise<void> {
  for (const userId of userIds) world.producer.rate({ userId, movieId: anchorOf(0), value: 5 });
  await world.producer.flush();
}

test('away from the processor of lists: it waits, says so, and drops no user', async () => {
  const users = Array.from({ length: 50 }, (_, n) => `late-${n}`);
  await world.environment.end('valkey', 'SIGKILL');
  await likes(users);
  await world.processors.logged('retrying', 30_000, ({ processor, code }) => {
    return processor === 'recommendations' && code === 'MARQUEE_REDIS_UNAVAILABLE';
  });
  const away = await isReady();
  expect(away.status).toBe(503);
  expect(away.text).toContain('Redis');
  await world.environment.start('valkey');
  for (const userId of users) await listIsInRedis(world, userId);
  await until('readiness', 10_000, async () => (await isReady()).status === 200);
});

test.each([
  ['maxmemory', '0', '256mb'],
  ['maxmemory-policy', 'noeviction', 'allkeys-lru'],
])('no cache (%s %s): the processor refuses it, and goes on when it is mended', async (...args) => {
  const [setting, bad, good] = args;
  const users = Array.from({ length: 10 }, (_, n) => `no-cache-${setting}-${n}`);
  const since = Date.now();
  await world.redis.config('SET', setting, bad);
  await world.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await likes(users);
  const said = await world.processors.logged('retrying', 30_000, ({ code, time }) => {
    return code === 'MARQUEE_REDIS_NOT_A_CACHE' && Number(time) >= since;
  });
  expect(said['reason']).toMatch(/CONFIG SET maxmemory/);
  expect((await isReady()).text).toContain('not set up as a cache');
  expect(await world.redis.exists(...users.map((userId) => keyOf(userId, 'home')))).toBe(0);
  await world.redis.config('SET', setting, good);
  for (const userId of users) await listIsInRedis(world, userId);
  await until('readiness', 10_000, async () => (await isReady()).status === 200);
});
