import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import type { BackfillReport } from '../../../streams/archive/history/backfill.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import { startWorld, type World } from '../replay/world.ts';

/** Read where it lies; its licence does not allow passing it on. */
const MOVIELENS = join(repositoryRoot, '..', 'shared', 'data', 'ml-latest-small');

/** One a date, of which there are 4,110, and one more where a range ends within a date. */
const FILES = 4_111;

describe.runIf(existsSync(MOVIELENS))('ml-latest-small', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ objectStore: true });
  }, 600_000);
  afterAll(() => world.close());

  const marquee = (...args: string[]) => {
    const { home, cache } = world.config;
    return runCli(args, cliEnvironment(home, cache));
  };

  test('comes in whole, over its dates, and balances', async () => {
    const { code, stdout } = await marquee('backfill', MOVIELENS, '--json');
    expect(code).toBe(0);
    const [report] = JSON.parse(stdout) as BackfillReport[];
    expect(report).toMatchObject({
      ...{ rows: 100_836, leftOut: 0, firstDate: '1996-03-29', lastDate: '2018-09-24' },
      ...{ files: FILES, wasThere: false, isResumed: false },
    });
    const movies = await withAdmin({ brokers: world.config.kafka.brokers }, async (admin) =>
      (await admin.fetchTopicOffsets('movies.v1')).reduce((sum, p) => sum + Number(p.high), 0),
    );
    expect(movies).toBe(9_742);
    const dates = await world.db.query(
      `SELECT count(*)::int AS files, count(DISTINCT date)::int AS dates, sum(rows)::int AS rows FROM archive_files`,
    );
    expect(dates).toEqual([{ files: FILES, dates: 4_110, rows: 100_836 }]);
    const audited = await marquee('audit');
    expect(audited.stdout).toContain(`${FILES.toLocaleString('en')} objects read`);
    expect(audited.code).toBe(0);
  }, 600_000);
});
