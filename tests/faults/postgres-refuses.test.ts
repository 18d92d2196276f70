import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const PROCESSORS = ['interactions'];
const SMALL_MB = 48;
const WRITER = 'marquee_writer IN DATABASE marquee';

let environment: Environment;
let scenario: Scenario;

beforeEach(async () => {
  environment = await emptyEnvironment();
  scenario = await createScenario(environment, 23);
});
afterEach(async () => {
  await scenario.close();
  await environment.close();
});

async function positions(): Promise<unknown> {
  return environment.db.query(
    'SELECT partition, next_offset FROM stream_offsets ORDER BY partition',
  );
}

test('a read-only Postgres: consuming stops, it is said, and goes on by itself after', async () => {
  const process = environment.processes.start({ processors: PROCESSORS });
  await scenario.send(300);
  await scenario.verify(PROCESSORS, 'before Postgres is read-only');
  const before = await positions();
  await environment.db.query('SET default_transaction_read_only = off');
  await environment.db.query('ALTER SYSTEM SET default_transaction_read_only = on');
  await environment.db.query('SELECT pg_reload_conf()');
  try {
    await scenario.send(300);
    const said = await process.logged('retrying', 30_000, (line) => {
      return line['code'] === 'MARQUEE_PG_READ_ONLY';
    });
    expect(String(said['reason'])).toMatch(/writable/);
    expect(await positions()).toEqual(before);
    expect((await process.http('/readyz')).status).toBe(503);
  } finally {
    await environment.db.query('ALTER SYSTEM RESET default_transaction_read_only');
    await environment.db.query('SELECT pg_reload_conf()');
  }
  await scenario.verify(PROCESSORS, 'Postgres is writable again');
  expect(process.count('retry_over')).toBeGreaterThan(0);
  await process.stop();
});

test('a full disk: consuming stops, it is said, and goes on by itself after', async (context) => {
  const folder = join(environment.home, 'small-disk');
  mkdirSync(folder);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_MB}m`, 'tmpfs', folder]);
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    context.skip(`a small disk cannot be mounted here: ${mounted.stderr.toString().trim()}`);
  }
  const space = join(folder, 'space');
  const ballast = join(folder, 'ballast');
  mkdirSync(space);
  try {
    await environment.db.query(`CREATE TABLESPACE small LOCATION '${space}'`);
    // Partitions that the processor has made will lie on the small disk.
    await environment.db.query(`ALTER ROLE ${WRITER} SET default_tablespace = 'small'`);
    await dropPartitions();
    await environment.db.query('GRANT CREATE ON TABLESPACE small TO marquee_migrator');
    const process = environment.processes.start({ processors: PROCESSORS });
    await scenario.send(300);
    await scenario.verify(PROCESSORS, 'before the disk is full');
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize));

    await scenario.send(4_000);
    await process.logged('retrying', MINUTE_MS, (line) => line['code'] === 'MARQUEE_PG_DISK_FULL');
    expect((await process.http('/readyz')).status).toBe(503);
    rmSync(ballast);
    await scenario.verify(PROCESSORS, 'there is room again');
    expect(process.exit()).toBeNull();
    await process.stop();
  } finally {
    rmSync(ballast, { force: true });
    await environment.processes.killAll();
    await environment.db.query(`ALTER ROLE ${WRITER} RESET default_tablespace`);
    await dropPartitions();
    await until('the small disk to be left', 30_000, async () => {
      await environment.db.query('DROP TABLESPACE IF EXISTS small');
      return true;
    });
    spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** All hours of the table, so that they are made anew where new tables go. */
async function dropPartitions(): Promise<void> {
  const found = await environment.db.query<{ name: string }>(
    `SELECT partition::text AS name FROM marquee.partitions_of('marquee.rt_user_interactions')`,
  );
  for (const { name } of found) await environment.db.query(`DROP TABLE ${name}`);
}
