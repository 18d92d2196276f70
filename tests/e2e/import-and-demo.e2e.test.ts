import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../cli/config/config.ts';
import { untilCaughtUp } from '../../cli/demo/catch-up.ts';
import { openGeneratedSource } from '../../cli/import/generated-source.ts';
import { clusterIdOf } from '../../cli/import/run-import.ts';
import { sendImport } from '../../cli/import/send.ts';
import { provision } from '../../cli/stack/provision.ts';
import { silentProgress } from '../../cli/terminal/progress.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import { readLogBounds } from '../../operations/log-bounds.ts';
import { PROCESSORS } from '../../streams/index.ts';
import { cliEnvironment, runCli } from '../support/cli.ts';
import type { CliResult } from '../support/cli.ts';
import { createProcesses } from '../support/processes.ts';
import type { Processes } from '../support/processes.ts';
import { writeMovieLens } from '../support/movielens.ts';
import type { MovieLensRows } from '../support/movielens.ts';
import { startStack } from '../support/stack.ts';
import type { TestStack } from '../support/stack.ts';
import { differences, loadSource } from './movielens-source.ts';
import type { SourceWindow } from './movielens-source.ts';
import { MINUTE_MS } from '../../common/time.ts';

const MOVIELENS = join(repositoryRoot, '..', 'shared', 'data', 'ml-latest-small');
const hasMovieLens = existsSync(join(MOVIELENS, 'ratings.csv'));
const allProcessors = Object.values(PROCESSORS);

let stack: TestStack;
let env: Record<string, string>;
let processes: Processes;
let client: pg.Client;

beforeAll(async () => {
  stack = await startStack();
  await provision(stack.config, silentProgress);
  env = cliEnvironment(stack.home, stack.config.cache);
  processes = createProcesses(env);
  client = new pg.Client({
    connectionString: stack.adminUrl,
    options: '-c search_path=marquee,public',
  });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await processes.killAll();
  await stack.stop();
});

/** Runs the processors until all that is in the topics is in the tables. */
async function applyAll(): Promise<void> {
  const processors = processes.start({ processors: allProcessors.map(({ name }) => name) });
  const session = await openSession({
    url: stack.config.postgres.readerUrl,
    applicationName: 'test',
  });
  try {
    const { brokers } = stack.config.kafka;
    const ends = await readLogBounds(
      brokers,
      allProcessors.map(({ source }) => source.topic),
    );
    await untilCaughtUp({
      ...{ session, processors: allProcessors, stallMs: MINUTE_MS },
      ends: () => ends,
      isFinal: () => true,
      check: () => {
        expect(processors.exit(), processors.tail()).toBeNull();
      },
      seen: () => undefined,
    });
  } finally {
    await session.close();
    await processors.stop();
  }
}

function windowOf({ stdout }: CliResult): SourceWindow {
  const [, from, until] = /^times +(\S+) to (\S+)$/m.exec(stdout) ?? [];
  return { fromMs: Date.parse(from ?? ''), untilMs: Date.parse(until ?? '') };
}

async function count(sql: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${sql}`);
  return Number(rows[0]?.n);
}

/** The comparison itself must be able to fail: a row changed in each table shows. */
async function expectToSeeDamage(): Promise<void> {
  const one = `WHERE ctid = (SELECT min(ctid) FROM user_history WHERE user_id = '900001')`;
  await client.query('BEGIN');
  try {
    await client.query(`UPDATE user_history SET rating_milli = rating_milli % 5000 + 500 ${one}`);
    await client.query(`UPDATE movies SET year = year + 1 WHERE movie_id = 900001`);
    await client.query(`UPDATE user_profiles SET rates = rates + 1 WHERE user_id = '900002'`);
    await client.query(`DELETE FROM user_history WHERE user_id = '900003'`);
    await client.query(`DELETE FROM rt_user_interactions WHERE user_id = '900004'`);
    expect(Object.keys(await differences(client))).toEqual([
      ...['interactions', 'profile counters', 'history weights', 'seen sets', 'movies'],
    ]);
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Of the ids that MovieLens does not use, so that both may stand in the same tables. */
function smallSet(): MovieLensRows {
  const movies = Array.from({ length: 40 }, (_, i) => 900_001 + i);
  const ratings = Array.from({ length: 1_500 }, (_, i) => {
    const user = 900_001 + ((i * 7) % 23);
    const movie = movies[(i * 13) % movies.length] as number;
    const stars = (1 + ((i * 11) % 10)) / 2;
    // Some in the same second, and later ones of the same user and movie.
    return `${String(user)},${String(movie)},${String(stars)},${String(1_000_000 + Math.floor(i / 3))}`;
  });
  return {
    movies: movies.map(
      (id) => `${String(id)},"Film, No. ${String(id)} (19${String((id % 90) + 10)})",Drama|War`,
    ),
    links: movies.map((id) => `${String(id)},${String(id).padStart(7, '0')},${String(id)}`),
    tags: movies.map((id) => `900001,${String(id)},Tag ${String(id % 5)},1000`),
    ratings,
  };
}

const BAD_RATINGS = ['900001,900001,9.5,1000', '900001,1,4,1000', '900001,900001,4'];

describe('import movielens', () => {
  it.skipIf(!hasMovieLens)(
    `gives 9,742 movies, 100,836 ratings and 610 profiles as SQL over the files has them${hasMovieLens ? '' : ` (skipped: no ${MOVIELENS})`}`,
    async () => {
      const result = await runCli(['import', 'movielens', MOVIELENS, '--as-live'], env);
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(result.stdout).toMatch(/^movies +9,742 published/m);
      expect(result.stdout).toMatch(/^actions +100,836 on/m);
      expect(result.stdout).toMatch(/^left out +no row$/m);
      await applyAll();
      expect(await count('movies')).toBe(9_742);
      expect(await count(`rt_user_interactions WHERE action = 'rate'`)).toBe(100_836);
      expect(await count('rt_user_interactions')).toBe(100_836);
      expect(await count('user_profiles')).toBe(610);
      expect(await count('user_history WHERE seen')).toBe(100_836);
      await loadSource(client, MOVIELENS, windowOf(result));
      expect(await differences(client)).toEqual({});
    },
  );

  it('leaves out and lists bad rows, and a second import changes nothing', async () => {
    const rows = smallSet();
    using clean = writeMovieLens(rows);
    using dirty = writeMovieLens({ ...rows, ratings: [...rows.ratings, ...BAD_RATINGS] }, '\r\n');
    const command = ['import', 'movielens', dirty.folder, '--as-live'];
    const first = await runCli(command, env);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(first.stdout).toMatch(/^actions +1,500 on/m);
    expect(first.stdout).toMatch(/^left out +3 rows/m);
    expect(first.stderr).toContain('ratings.csv:1502: rating 9.5 is not from 0.5 to 5');
    expect(first.stderr).toContain('ratings.csv:1503: unknown movie 1');
    expect(first.stderr).toContain('ratings.csv:1504: 3 columns instead of 4');
    await applyAll();
    await loadSource(client, clean.folder, windowOf(first));
    expect(await differences(client)).toEqual({});
    await expectToSeeDamage();

    const again = await runCli(command, env);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(again.stderr).toContain('this data was sent before');
    expect(windowOf(again)).toEqual(windowOf(first));
    await applyAll();
    expect(await differences(client)).toEqual({});
    const { rows: ledger } = await client.query<{ duplicates: string; dead: string }>(
      `SELECT sum(duplicate_count) AS duplicates, sum(dead_count) AS dead
         FROM stream_ledger WHERE processor = 'profiles'`,
    );
    expect(ledger[0]).toEqual({ duplicates: '1500', dead: '0' });
  });

  it('says before and after that ratings as recorded are too late, and the ledger counts them', async () => {
    const rows = smallSet();
    using set = writeMovieLens({ ...rows, ratings: rows.ratings.slice(0, 200) });
    const before = await count('rt_user_interactions');
    const result = await runCli(['import', 'movielens', set.folder], env);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    for (const output of [result.stderr, result.stdout])
      expect(output).toContain('200 of 200 ratings are older than the late horizon (24 h)');
    await applyAll();
    expect(await count('rt_user_interactions')).toBe(before);
    const { rows: ledger } = await client.query<{ n: string }>(
      `SELECT sum(too_late_count) AS n FROM stream_ledger WHERE processor = 'interactions'`,
    );
    expect(ledger[0]?.n).toBe('200');
  });

  it('fails clearly where files are missing', async () => {
    const result = await runCli(['import', 'movielens', join(stack.home, 'logs')], env);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('MARQUEE_IMPORT_FILE');
    expect(result.stderr).toContain('has no movies.csv, links.csv, tags.csv, ratings.csv');
  });
});

describe('an import that is interrupted', () => {
  it('goes on with the same events when it is run again', async () => {
    const { config } = stack;
    const plan = { seed: 99, round: 1, users: 50, movies: 60, events: 4_000, hours: 2 };
    const clusterId = await clusterIdOf(config);
    const prepare = (nowMs: number) =>
      openGeneratedSource({ config, clusterId, plan, until: undefined, whenPast: 'skip', nowMs });
    const send = (prepared: ReturnType<typeof prepare>, signal: AbortSignal) =>
      sendImport(prepared, {
        ...{ brokers: config.kafka.brokers, registryUrl: config.registry.url },
        ...{ progress: silentProgress, signal },
      });
    const nowMs = Date.now();
    const whole = prepare(nowMs);
    const controller = new AbortController();
    const cut = {
      ...whole,
      *events() {
        let left = 2_500;
        for (const event of whole.events()) {
          if (left-- === 0) controller.abort();
          yield event;
        }
      },
    };
    const first = await send(cut, controller.signal);
    expect(first.interrupted).toBe(true);
    expect(first.actions.acked).toBeLessThan(plan.events);
    expect(first.actions.acked).toBe(first.actions.sent);

    const resumed = prepare(nowMs + MINUTE_MS);
    expect(resumed).toMatchObject({ importId: whole.importId, again: true, window: whole.window });
    expect(resumed.notes.join()).toContain('was interrupted');
    const second = await send(resumed, new AbortController().signal);
    expect(second).toMatchObject({
      interrupted: false,
      actions: { acked: plan.events, failed: 0 },
    });
    await applyAll();
    const label = `properties->>'import' = '${whole.importId}'`;
    expect(await count(`rt_user_interactions WHERE ${label}`)).toBe(plan.events);
    expect(await count(`recommendation_logs WHERE ${label}`)).toBe(second.serves.acked);
  });
});

describe('demo', () => {
  const demo = (...more: string[]): Promise<CliResult> =>
    runCli(['demo', '--events', '3000', ...more], env);

  const title =
    'ends with counts that agree, the second time with nothing new, and sees what is wrong';
  it(title, { timeout: 600_000 }, async () => {
    const first = await demo('--live', '5');
    expect(first, first.stdout + first.stderr).toMatchObject({ code: 0 });
    expect(first.stdout).toMatch(/^ok +rt_user_interactions +user actions +3,000 +3,000 +3,000$/m);
    expect(first.stdout).toMatch(/^ok +movies +movies +1,200 +1,200 +1,200$/m);
    expect(first.stdout).toContain('Every count agrees');
    expect(first.stdout).toContain('./marquee psql');
    expect(first.stdout).toMatch(/^blend +[01]\.\d{4}/m);
    expect(first.stdout).toMatch(/^rates ".*" 5 stars; \d+ ms later$/m);
    expect(first.stdout).toMatch(/^ {2}curl -s -H 'Authorization: Bearer mq_/m);
    const wide = first.stdout.split('\n').filter((line) => line.length > 80);
    expect(wide.filter((line) => !line.startsWith('  '))).toEqual([]);

    const second = await demo('--no-batch', '--live', '0');
    expect(second, second.stdout + second.stderr).toMatchObject({ code: 0 });
    expect(second.stderr).toContain('change nothing in the tables');
    expect(second.stdout).toMatch(/^ok +rt_user_interactions +user actions +3,000 +3,000 +0$/m);
    expect(second.stdout).toMatch(/^ok +user_profiles +new actions in them +0 +0 +0$/m);

    // Its events are remembered as applied, so that sending them again does not bring it back.
    await client.query(
      `DELETE FROM user_profiles WHERE user_id =
         (SELECT min(user_id) FROM user_profiles WHERE user_id LIKE 'world-1-%' AND user_id IN
           (SELECT user_id FROM rt_user_interactions WHERE properties->>'import' =
             (SELECT properties->>'import' FROM rt_user_interactions
               WHERE app = 'synthetic' ORDER BY received_at DESC LIMIT 1)))`,
    );
    const third = await demo('--no-batch', '--live', '0');
    expect(third, third.stdout + third.stderr).toMatchObject({ code: 1 });
    expect(third.stdout).toMatch(/^!! +user_profiles +users/m);
    expect(third.stdout).toContain('DISAGREE');
  });

  it('leaves no processor behind', async () => {
    const { rows } = await client.query(
      `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'marquee%'
          OR application_name ~ '^(interactions|profiles|feedback|serve-logs|movies)/'`,
    );
    expect(rows).toEqual([]);
  });
});
