import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readEnvironment } from '../../cli/config/config.ts';
import { allLogged, idsOf, underLoad } from '../support/serving/under-load.ts';
import { createWorld, letUsersAct, warm } from '../support/serving/world.ts';
import type { Serving, World } from '../support/serving/world.ts';

/** The long form: `SERVING_KILLS=50 ./marquee test faults --files serving-log`. */
const KILLS = Number(readEnvironment()['SERVING_KILLS'] ?? 3);
/** Some two seconds of lists. */
const SMALL_SPOOL_BYTES = 200_000;

let world: World;
let serving: Serving | null = null;

beforeAll(async () => {
  world = await createWorld();
  await world.load(1);
  await letUsersAct(world);
});
afterEach(async () => {
  await world.environment.start('kafka');
  await serving?.process.stop();
  serving = null;
});
afterAll(async () => {
  await world.close();
});

const url = (): string | null => serving?.url ?? null;

/** Records that the API says are lost, by reason. */
async function lostOf(reason: string): Promise<number> {
  const headers = { authorization: `Bearer ${world.key}` };
  const page = await (await fetch(`${String(url())}/metrics`, { headers })).text();
  const line = page.split('\n').find((one) => one.includes(`outcome="lost",reason="${reason}"`));
  return Number(line?.split(' ').at(-1));
}

test('Kafka away for longer than the spool lasts: what is lost is counted to the record', async () => {
  serving = await world.serve({ MARQUEE_SPOOL_BYTES_MAX: String(SMALL_SPOOL_BYTES) });
  const all = await underLoad(world, url, async ({ load }) => {
    await world.environment.end('kafka', 'SIGKILL');
    await load.more(1_200);
    expect(await lostOf('full')).toBeGreaterThan(100);
    await world.environment.start('kafka');
    await load.more(200);
  });
  const lost = await lostOf('full');
  expect(lost).toBeLessThan(all.length);
  expect(serving.process.count('serve_log_lost')).toBeGreaterThan(0);
  await allLogged(world, all, lost);
});

test('Kafka away, and room in the spool: nothing is lost', async () => {
  serving = await world.serve();
  const all = await underLoad(world, url, async ({ load }) => {
    await world.environment.end('kafka', 'SIGKILL');
    await load.more(1_200);
    await world.environment.start('kafka');
  });
  await allLogged(world, all);
  expect(await lostOf('full')).toBe(0);
});

test('a full disk costs records, which are counted, and no answers', async () => {
  const sign = join(world.environment.home, 'disk-is-full');
  serving = await world.serve(
    {},
    { script: join(import.meta.dirname, '../support/serving/full-disk-child.ts'), args: [sign] },
  );
  const all = await underLoad(world, url, async ({ load }) => {
    writeFileSync(sign, '');
    await load.more(400);
    rmSync(sign);
    await load.more(300);
  });
  const lost = await lostOf('write');
  expect(lost).toBeGreaterThanOrEqual(400);
  expect(lost).toBeLessThan(idsOf(all).length - 200);
  await allLogged(world, all, lost);
});

test(`the API killed ${KILLS} times: every list that was answered with is in the log, once`, async () => {
  serving = await world.serve();
  await warm(world, serving.url);
  const all = await underLoad(world, url, async ({ load, struck }) => {
    for (let n = 0; n < KILLS; n++) {
      await load.more(150 + 37 * (n % 5));
      const { process } = serving as Serving;
      serving = null;
      struck();
      process.kill('SIGKILL');
      await process.died(10_000);
      serving = await world.serve();
    }
    await load.more(200);
  });
  expect(idsOf(all).length).toBeGreaterThan(150 * KILLS);
  await allLogged(world, all);
  expect(await lostOf('full')).toBe(0);
});
