import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import type { BackfillReport } from '../../../archive/backfill/backfill.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';

/** Read where it lies; its licence does not allow passing it on. */
const MOVIELENS = join(repositoryRoot, '..', 'shared', 'data', 'ml-latest-small');

const RATINGS = 100_836;
/** One a date, of which there are 4,110, and one more where a range ends within a date. */
const FILES = 4_111;
const TABLES = ['user_profiles', 'user_history'];

describe.runIf(existsSync(MOVIELENS))('ml-latest-small', () => {
  let env: Environment;
  beforeAll(async () => {
    env = await startEnvironment({ objectStore: true });
  }, 600_000);
  afterAll(() => env.close());

  const marquee = async (...args: string[]) => {
    const { home, cache } = env.config;
    const result = await runCli(args, cliEnvironment(home, cache));
    expect(result, result.stderr).toMatchObject({ code: 0 });
    return result;
  };

  test('comes in whole, over its dates, and balances', async () => {
    const { stdout } = await marquee('backfill', MOVIELENS, '--json');
    const [report] = JSON.parse(stdout) as BackfillReport[];
    expect(report).toMatchObject({
      ...{ rows: RATINGS, leftOut: 0, firstDate: '1996-03-29', lastDate: '2018-09-24' },
      ...{ files: FILES, wasThere: false, isResumed: false },
    });
    const movies = await withAdmin({ brokers: env.config.kafka.brokers }, async (admin) =>
      (await admin.fetchTopicOffsets('movies.v1')).reduce((sum, p) => sum + Number(p.high), 0),
    );
    expect(movies).toBe(9_742);
    const dates = await env.db.query(
      `SELECT count(*)::int AS files, count(DISTINCT date)::int AS dates, sum(rows)::int AS rows
         FROM archive_files`,
    );
    expect(dates).toEqual([{ files: FILES, dates: 4_110, rows: RATINGS }]);
    const audited = await marquee('audit');
    expect(audited.stdout).toContain(`${FILES.toLocaleString('en')} objects read`);
  }, 600_000);

  test('gives the tables that a live import gives, but for times', async () => {
    await applyLive(); // a processor that has never run has no tables to make again
    await marquee('rebuild', ...TABLES, '--from-archive', '--swap');
    for (const table of TABLES)
      await env.admin.execute(
        `CREATE TABLE public.rebuilt_${table} AS
         SELECT ${await timelessColumns(table)} FROM marquee.${table}`,
      );
    expect(await count('public.rebuilt_user_profiles')).toBe(610);
    expect(await count('public.rebuilt_user_history WHERE seen')).toBe(RATINGS);
    expect(await count('public.rebuilt_user_history WHERE weight_milli > 0')).toBeGreaterThan(0);

    await env.admin.execute(`TRUNCATE ${TABLES.map((table) => `marquee.${table}`).join(', ')}`);
    await marquee('import', 'movielens', MOVIELENS, '--as-live');
    await applyLive();
    expect(await count('marquee.user_history')).toBe(RATINGS);
    for (const table of TABLES) expect(await differing(table), table).toEqual([]);
  }, 600_000);

  /** Runs `profiles` until all that is in the log is in its tables. */
  async function applyLive(): Promise<void> {
    const profiles = PROCESSORS['profiles'] as Processor;
    const running = await env.run([profiles]);
    await env.caughtUp([profiles]);
    await running.stop();
  }

  /** Columns of a table that hold no time: an event's id does, and a vector is derived. */
  async function timelessColumns(table: string): Promise<string> {
    const columns = await env.admin.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
        WHERE table_schema = 'marquee' AND table_name = $1
          AND udt_name NOT IN ('uuid', 'vector') AND column_name NOT IN ('vector_model_version', 'vector_profile_version')
        ORDER BY ordinal_position`,
      [table],
    );
    return columns.map(({ name }) => name).join(', ');
  }

  async function count(from: string): Promise<number> {
    const [row] = await env.admin.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`);
    return row?.n ?? NaN;
  }

  /** Some rows that the rebuilt table or the living one has alone. */
  async function differing(table: string): Promise<unknown[]> {
    const living = `SELECT ${await timelessColumns(table)} FROM marquee.${table}`;
    const rebuilt = `TABLE public.rebuilt_${table}`;
    return env.admin.query(
      `(SELECT 'rebuilt' AS side, t.* FROM (${rebuilt} EXCEPT ALL ${living}) t LIMIT 3)
       UNION ALL
       (SELECT 'live' AS side, t.* FROM (${living} EXCEPT ALL ${rebuilt}) t LIMIT 3)`,
    );
  }
});
