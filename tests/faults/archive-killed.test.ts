import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ARCHIVE_KILLS, COMPACT } from '../support/archive/kills.ts';
import { compareWithLog } from '../support/archive/equals.ts';
import { createArchiveFixture, sha256, type ArchiveFixture } from '../support/archive/fixture.ts';
import { compareWithSecondRun } from '../support/archive/second-run.ts';
import { demand } from '../support/scenario/checks.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import type { Environment } from '../support/faults/environment.ts';
import { HOUR_MS } from '../../common/time.ts';

/** The short form of `marquee soak --archive`: a chain, each run killed further on than the last. */
const SEED = 20_261_124;

let environment: Environment;
let fixture: ArchiveFixture;

beforeAll(async () => {
  environment = await emptyEnvironment({}, ['user-actions.v1']);
  fixture = await createArchiveFixture(environment, { seed: SEED, rowsMax: 30 });
  await fixture.receive(0, 200);
  await fixture.receive(5, 200);
  // The window passes: what was received first may be dropped once it is archived.
  await fixture.receive(60, 300);
});
afterAll(async () => {
  await fixture.close();
  await environment.close();
});

describe('SIGKILL', () => {
  test.each(ARCHIVE_KILLS)('$name: the audit balances, and the next run goes on', async (kill) => {
    const before = await fixture.unlisted();
    expect(await kill.strike(fixture)).toBe(true);

    expect(await fixture.findings()).toEqual([]);
    // An object that an earlier run left was made again with the same bytes, or is there still.
    for (const [path, sha] of before) {
      const now = sha256(await fixture.store.get(path));
      expect([path, now]).toEqual([path, sha]);
    }
    // What comes in between must not move the boundaries of the plan that is open.
    if (/before an upload|before the drop/.test(kill.name)) await fixture.receive(1, 100);
  });

  test('a run that is left alone finishes the work', async () => {
    const report = await fixture.finish();
    expect(report.drop.held).toEqual([]);
    await fixture.finish({ command: COMPACT });
    expect(await fixture.unlisted()).toEqual(new Map());
    expect(await fixture.findings(true)).toEqual([]);
  });

  test('the archive is the log, by id and by content', async () => {
    const { findings, rows } = await compareWithLog(fixture);
    demand(findings, `seed ${SEED}`);
    expect(rows).toBeGreaterThan(880);
  });

  test('the plans without faults give the same objects, byte for byte', async () => {
    demand([await compareWithSecondRun(fixture)], `seed ${SEED}`);
  });

  test('and nothing of the window has left the hot table', async () => {
    const [row] = await environment.db.query<{ oldest: Date; last: Date; dropped: number }>(
      `SELECT (SELECT min(occurred_at) FROM rt_user_interactions) AS oldest,
              max(hour) AS last, sum(rows)::int AS dropped FROM dropped_accounts`,
    );
    const windowBegins = fixture.time() - 48 * HOUR_MS;
    expect(row?.dropped).toBeGreaterThan(350);
    expect(row?.last.getTime()).toBeLessThanOrEqual(windowBegins - HOUR_MS);
    expect(row?.oldest.getTime()).toBeGreaterThanOrEqual(windowBegins - 24 * HOUR_MS);
  });
});
