import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { repositoryRoot } from '../../cli/config/config.ts';
import { openObjectStore } from '../../connectors/object-store/object-store.ts';
import { compareWithLog } from '../support/archive/equals.ts';
import { createArchiveFixture, type ArchiveFixture } from '../support/archive/fixture.ts';
import { compareWithSecondRun } from '../support/archive/second-run.ts';
import { demand } from '../support/scenario/checks.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { setRetention } from '../support/topic-retention.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';

const SEED = 20_261_126;

let environment: Environment;
let fixture: ArchiveFixture;
/** Starts while the other tests run. */
let otherStore: Promise<TestStack>;

beforeAll(async () => {
  vi.stubEnv('MARQUEE_OBJECT_STORE', 'seaweedfs');
  otherStore = startStack({ services: ['object-store'] });
  otherStore.catch(() => undefined); // awaited by the test that needs it
  vi.unstubAllEnvs();
  environment = await emptyEnvironment({}, ['user-actions.v1']);
  fixture = await createArchiveFixture(environment, { seed: SEED, rowsMax: 60 });
  await fixture.receive(0, 200);
});
afterEach(async () => {
  expect(await fixture.findings()).toEqual([]);
});
afterAll(async () => {
  await fixture.close();
  await environment.close();
  // SeaweedFS would take 15 s to leave.
  const other = await otherStore;
  await other.kill('object-store', 'SIGKILL');
  await other.stop();
});

const coveredRows = async (): Promise<number> => {
  const [row] = await environment.db.query<{ rows: number }>(
    'SELECT coalesce(sum(rows), 0)::bigint AS rows FROM archive_ranges',
  );
  return row?.rows ?? 0;
};
const hotRows = async (): Promise<number> => {
  const [row] = await environment.db.query<{ rows: number }>(
    'SELECT count(*) AS rows FROM rt_user_interactions',
  );
  return row?.rows ?? 0;
};

/** Hot rows that the archive has not passed. */
const uncoveredRows = async (): Promise<number> => {
  const [row] = await environment.db.query<{ rows: number }>(
    `SELECT count(*) AS rows FROM rt_user_interactions h JOIN stream_offsets o
       ON o.processor = 'archive' AND o.partition = h.kafka_partition
      WHERE h.kafka_offset >= o.next_offset`,
  );
  return row?.rows ?? 0;
};

describe('Postgres', () => {
  test('loses the answer to a COMMIT, or never hears it: what the offset says decides', async () => {
    fixture.postgresProxy.strike('unsent', 'unanswered', 'unanswered');
    const { rows } = await fixture.finish();
    expect(fixture.postgresProxy.fallen()).toEqual(['unsent', 'unanswered', 'unanswered']);
    expect(await coveredRows()).toBeGreaterThanOrEqual(rows);
  });

  test('is killed between upload and commit, and comes back', async () => {
    await fixture.receive(8, 100);
    const run = fixture.run({ failpoint: 'archive_verified:2:SIGSTOP' });
    await until('the run to stand before a commit', MINUTE_MS, () => run.stopped());
    await environment.end('postgres', 'SIGQUIT');
    run.kill('SIGCONT');
    expect(await run.logged('archive_retry', MINUTE_MS)).toMatchObject({
      code: 'MARQUEE_PG_UNAVAILABLE',
    });
    await environment.start('postgres');
    expect(await run.died(MINUTE_MS)).toEqual({ code: 0, signal: null });
    await until('Postgres to answer', MINUTE_MS, () => environment.db.query('SELECT'));
    await fixture.scenario.caughtUp(['interactions']);
  });
});

test('two runs at once: the second leaves; one that lost its lock in its sleep records nothing', async () => {
  await fixture.receive(8, 100);
  const before = await coveredRows();
  const sleeper = fixture.run({ failpoint: 'archive_verified:1:SIGSTOP', label: 'sleeper' });
  await until('the first to stand before its commit', MINUTE_MS, () => sleeper.stopped());
  const second = fixture.run({ label: 'second' });
  expect(await second.died(MINUTE_MS)).toEqual({ code: 1, signal: null });
  expect(second.tail(3)).toMatch(/MARQUEE_ARCHIVE_BUSY/);

  await environment.db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'marquee-archive'`,
  );
  const { rows } = await fixture.finish({ label: 'third' });
  expect(rows).toBeGreaterThanOrEqual(100);
  sleeper.kill('SIGCONT');
  expect(await sleeper.died(MINUTE_MS)).toEqual({ code: 0, signal: null });
  expect(await coveredRows()).toBe(before + rows);
});

describe('the clock', () => {
  const otherClock = (shiftMs: number, only = ''): string =>
    `file://${repositoryRoot}/tests/support/faults/other-clock.ts?shift=${shiftMs}${only}`;
  /** What makes the archive believe that it is so many hours before the last portion came. */
  const setBackTo = (hoursBefore: number): number =>
    fixture.time() - hoursBefore * HOUR_MS - Date.now();

  test('set back after a run: nothing is repeated or dropped', async () => {
    const before = [await coveredRows(), await hotRows()];
    const back = await fixture.finish({ preload: otherClock(setBackTo(24)) });
    expect(back).toMatchObject({ rows: 0, files: 0, drop: { dropped: [] } });
    expect([await coveredRows(), await hotRows()]).toEqual(before);
  });

  test('set back with three days due: what it does not copy it does not drop', async () => {
    await fixture.receive(24, 100);
    await fixture.receive(24, 100);
    await fixture.receive(24, 100);
    const [due, covered] = [await uncoveredRows(), await coveredRows()];
    expect(due).toBeGreaterThan(280);
    // By that clock all of it is inside the window still; `interactions` has passed it.
    const blind = await fixture.finish({ preload: otherClock(setBackTo(72), '&of=now') });
    expect(blind.rows).toBe(0);
    expect(blind.drop.held.length).toBeGreaterThan(0);
    expect(blind.drop.held[0]?.reason).toMatch(/the archive stands at/);
    expect([await uncoveredRows(), await coveredRows()]).toEqual([due, covered]);
    expect(await fixture.findings()).toEqual([]);

    const right = await fixture.finish();
    expect(right.rows).toBeGreaterThan(290);
    expect(right.drop.held).toEqual([]);
    expect(right.drop.dropped.length).toBeGreaterThan(0);
  });

  test('apart from the store’s by a day: refused with the reason, and nothing is lost', async () => {
    await fixture.receive(8, 100);
    const run = fixture.run({ preload: otherClock(-24 * HOUR_MS) });
    expect(await run.died(20_000)).toEqual({ code: 1, signal: null });
    expect(run.tail(3)).toMatch(/MARQUEE_STORE_REFUSED: .*RequestTimeTooSkewed.*clock/);
    expect(await fixture.finish()).toMatchObject({ resumed: true });
  });
});

describe('interactions', () => {
  test('three days behind: the archive copies, and drops nothing that they have not passed', async () => {
    await fixture.stopInteractions();
    const reached = fixture.time();
    for (let day = 0; day < 4; day++) await fixture.receive(24, 80);
    const hot = await hotRows();
    const behind = await fixture.finish();
    expect(behind.rows).toBeGreaterThan(300);
    expect(
      behind.drop.dropped.filter((hour) => Date.parse(hour) >= reached - 49 * HOUR_MS),
    ).toEqual([]);
    expect(await hotRows()).toBe(hot);
    expect(await fixture.findings()).toEqual([]);

    fixture.startInteractions();
    await fixture.scenario.caughtUp(['interactions']);
    const caughtUp = await fixture.finish();
    expect(caughtUp.drop.dropped.length).toBeGreaterThan(0);
    expect(caughtUp.drop.held).toEqual([]);
    expect(await hotRows()).toBeLessThan(hot + 320);
  });
});

test('after all of it the archive is the log, by id and by content', async () => {
  const { findings } = await compareWithLog(fixture);
  demand(findings, `seed ${SEED}`);
  expect(await fixture.findings(true)).toEqual([]);
});

test('the same plans without faults, on SeaweedFS, give the same objects', async () => {
  const store = openObjectStore((await otherStore).config.objectStore);
  demand([await compareWithSecondRun(fixture, store)], `seed ${SEED}`);
  store.close();
});

test('a topic that keeps records for too short a time is refused at the start, with all values', async () => {
  const [before] = await environment.db.query('SELECT max(id) AS last FROM archive_runs');
  await setRetention(environment.brokers, 'user-actions.v1', 100 * HOUR_MS);
  try {
    const run = fixture.run();
    expect(await run.died(20_000)).toEqual({ code: 1, signal: null });
    expect(run.tail(3)).toMatch(
      /MARQUEE_ARCHIVE_RETENTION: .*100 h.*360000000.*48 h.*24 h.*48 h.*120 h/,
    );
  } finally {
    await setRetention(environment.brokers, 'user-actions.v1', -1);
  }
  expect(await environment.db.query('SELECT max(id) AS last FROM archive_runs')).toEqual([before]);
});
