import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Asked } from '../support/serving/load.ts';
import { allLogged, cachedAgain, underLoad } from '../support/serving/under-load.ts';
import { sourcesOf } from '../support/serving/verdict.ts';
import { createWorld, letUsersAct, warm } from '../support/serving/world.ts';
import type { Serving, World } from '../support/serving/world.ts';

let world: World;
let serving: Serving;
/** Null while the API is ended and started again. */
let url: string | null = null;
const asked: Asked[] = [];

beforeAll(async () => {
  world = await createWorld();
  await world.load(1);
  await letUsersAct(world);
  serving = await world.serve();
  url = serving.url;
});
afterEach(async () => {
  for (const service of ['valkey', 'postgres'] as const) await world.environment.start(service);
});
afterAll(async () => {
  await world.close();
});

test('Postgres killed: lists come from Redis, and what is popular for the others', async () => {
  await warm(world, serving.url);
  const all = await underLoad(
    world,
    () => url,
    async ({ load, struck }) => {
      struck();
      await world.environment.end('postgres', 'SIGKILL');
      const gone = Date.now();
      await load.more(600);
      expect(sourcesOf(load.asked, 'acts', gone)).toEqual(['cache']);
      expect(sourcesOf(load.asked, 'batch', gone)).toEqual(['popular']);
      await world.environment.start('postgres');
      await load.more(600);
      const back = Date.now();
      await load.more(200);
      expect(sourcesOf(load.asked, 'batch', back)).toEqual(['batch']);
    },
  );
  asked.push(...all);
});

test('both killed: what is popular, for everybody; also by an API that starts then', async () => {
  await warm(world, serving.url);
  const all = await underLoad(
    world,
    () => url,
    async ({ load, struck }) => {
      struck();
      await world.environment.end('valkey', 'SIGKILL');
      await world.environment.end('postgres', 'SIGKILL');
      const gone = Date.now();
      await load.more(400);
      for (const whom of ['acts', 'batch', 'nobody'] as const)
        expect(sourcesOf(load.asked, whom, gone)).toEqual(['popular']);

      url = null;
      await serving.process.stop();
      serving = await world.serve();
      url = serving.url;
      const again = Date.now();
      await load.more(400);
      for (const whom of ['acts', 'batch', 'nobody'] as const)
        expect(sourcesOf(load.asked, whom, again)).toEqual(['popular']);
      expect((await fetch(`${serving.url}/readyz`)).status).toBe(200);

      await world.environment.start('postgres');
      await world.environment.start('valkey');
      await cachedAgain(load);
      const back = Date.now();
      await load.more(200);
      expect(sourcesOf(load.asked, 'batch', back)).toEqual(['batch']);
    },
  );
  asked.push(...all);
});

test('afterwards every list that was answered with is in the log, once', async () => {
  await allLogged(world, asked);
});
