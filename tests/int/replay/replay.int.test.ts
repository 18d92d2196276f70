import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROCESSORS } from '../../../streams/index.ts';
import { isEqual } from '../../../streams/replay/compare-tables.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import type { ReplayReport } from '../../../streams/replay/replay.ts';
import type { ReplayOptions } from '../../../streams/replay/replay-options.ts';
import { makeMovies, makeServes, makeWave, type Wave } from '../../support/streams/actions.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { replayIn } from './replayed.ts';

const named = (name: string) => PROCESSORS[name] as Processor;
const interactions = named('interactions');
const profiles = named('profiles');
const feedback = named('feedback');
const serveLogs = named('serve-logs');
const movies = named('movies');
const all = [interactions, profiles, feedback, serveLogs, movies];
/** Cuts batches where the live run does not. */
const otherwiseCut = (processor: Processor): Processor => ({ ...processor, batchRowsMax: 37 });

let env: Environment;
beforeAll(async () => {
  env = await startEnvironment();
}, 180_000);
afterAll(() => env.close());

const replayed = (processor: Processor, over: Partial<ReplayOptions> = {}) =>
  replayIn(env, processor, over);

/** Fails with the rows that differ. */
function expectEqual(report: ReplayReport): void {
  const differing = report.comparisons.filter((comparison) => !isEqual(comparison));
  expect(differing).toEqual([]);
  for (const { table, leftRows } of report.comparisons)
    if (table !== 'dead_letters') expect([table, leftRows > 0]).toEqual([table, true]);
}

async function one<T>(sql: string, values: readonly unknown[] = []): Promise<T> {
  const [row] = await env.db.query<{ value: T }>(sql, values);
  return row?.value as T;
}

const breaks = () => env.admin.query('SELECT * FROM marquee.ledger_breaks');

const outcomes = (processor: string) =>
  one<Record<string, number>>(
    `SELECT jsonb_build_object('ok', sum(ok_count), 'duplicate', sum(duplicate_count),
       'too_late', sum(too_late_count), 'dead', sum(dead_count)) AS value
     FROM stream_ledger WHERE processor = $1`,
    [processor],
  );

const expectedOf = (...waves: Wave[]) => {
  const sum = (field: 'distinct' | 'resent' | 'tooLate' | 'bad') =>
    waves.reduce((total, wave) => total + wave[field], 0);
  return {
    ok: sum('distinct'),
    duplicate: sum('resent'),
    too_late: sum('tooLate'),
    dead: sum('bad'),
  };
};

const waves: Wave[] = [];
async function sendWave(count: number, seed = waves.length + 1): Promise<Wave> {
  const wave = await makeWave(env.codec, { seed, count, nowMs: Date.now() });
  waves.push(wave);
  await env.send('user-actions.v1', wave.records);
  return wave;
}

describe('a replay from the beginning', () => {
  it('gives the tables of the live run, also when batches are cut elsewhere', async () => {
    const live = await env.run(all);
    await sendWave(2_000);
    await env.send('recommendation-serves.v1', await makeServes(env.codec, 300, Date.now()));
    await env.send('movies.v1', await makeMovies(env.codec, 50, Date.now()));
    await env.caughtUp(all);
    await sendWave(500);
    await env.caughtUp(all);
    await live.stop();
    expect(await outcomes('interactions')).toEqual(expectedOf(...waves));

    for (const processor of all) expectEqual(await replayed(otherwiseCut(processor)));
    expect(
      await one(`SELECT count(*) AS value FROM pg_class
      WHERE relnamespace = 'marquee_replay'::regnamespace AND relkind IN ('r', 'p')`),
    ).toBe(0);
    expect(env.errors).toEqual([]);
  }, 180_000);

  it('shows a table that was changed by hand', async () => {
    await env.admin.execute(
      `UPDATE marquee.user_profiles SET likes = likes + 1 WHERE user_id = 'user-1'`,
    );
    const report = await replayed(profiles);
    const differing = report.comparisons.filter((comparison) => !isEqual(comparison));
    expect(differing.map(({ table, onlyLeft, onlyRight }) => [table, onlyLeft, onlyRight])).toEqual(
      [['user_profiles', 1, 1]],
    );

    const swapped = await replayed(profiles, { mode: 'swap' });
    expect(swapped.swapped).toBe(true);
    expectEqual(await replayed(profiles));
    expect(await breaks()).toEqual([]);
  }, 60_000);
});

describe('a replay under live traffic', () => {
  it('changes places with the live tables, and the live processor goes on with the new ones', async () => {
    const live = await env.run([interactions, profiles, feedback]);
    let over = false as boolean;
    const traffic = (async () => {
      for (let n = 0; !over; n++) await sendWave(200, 1_000 + n);
    })();
    try {
      for (const processor of [interactions, profiles, feedback]) {
        const before = await one<string>(`SELECT $1::regclass::oid AS value`, [
          processor.tables[0],
        ]);
        const report = await replayed(processor, { mode: 'swap' });
        expect(report.swapped).toBe(true);
        expect(report.comparisons.filter((c) => !isEqual(c))).toEqual([]);
        expect(await one(`SELECT $1::regclass::oid AS value`, [processor.tables[0]])).not.toBe(
          before,
        );
      }
    } finally {
      over = true;
      await traffic;
    }
    await env.caughtUp([interactions, profiles, feedback]);
    await live.stop();

    const expected = expectedOf(...waves);
    expect(await outcomes('interactions')).toEqual(expected);
    expect(await outcomes('profiles')).toEqual(expected);
    expect(await one('SELECT count(*) AS value FROM rt_user_interactions')).toBe(expected.ok);
    expect(await one('SELECT sum(total_interactions)::bigint AS value FROM user_profiles')).toBe(
      expected.ok,
    );
    expect(await breaks()).toEqual([]);
    for (const processor of [interactions, profiles, feedback])
      expectEqual(await replayed(processor));
    expect(env.errors).toEqual([]);
  }, 180_000);
});
