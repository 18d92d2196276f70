import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { compareWithLog } from '../support/archive/equals.ts';
import {
  changeOne,
  createArchiveFixture,
  type ArchiveFixture,
} from '../support/archive/fixture.ts';
import { demand } from '../support/scenario/checks.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import type { RunningProcess } from '../support/processes.ts';
import type { StoreFault } from '../support/faults/store-proxy.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const SEED = 20_261_125;
const STORE_TIMEOUT_MS = 700;

let environment: Environment;
let fixture: ArchiveFixture;

beforeAll(async () => {
  environment = await emptyEnvironment({}, ['user-actions.v1']);
  const options = { seed: SEED, rowsMax: 60, storeTimeoutMs: STORE_TIMEOUT_MS };
  fixture = await createArchiveFixture(environment, options);
  await fixture.receive(0, 200);
});
afterEach(async () => {
  fixture.storeProxy.calm();
  expect(await fixture.findings()).toEqual([]);
});
afterAll(async () => {
  await fixture.close();
  await environment.close();
});

/** Passing faults of each kind; a request is tried again up to six times. */
const PASSING: readonly (readonly [method: string, fault: StoreFault, times: number])[] = [
  ['PUT', { kind: 'answer', status: 500, code: 'InternalError' }, 1],
  ['PUT', { kind: 'answer', status: 503, code: 'SlowDown' }, 1],
  ['PUT', { kind: 'answer', status: 503 }, 1],
  ['PUT', { kind: 'answer', status: 502 }, 1],
  ['PUT', { kind: 'reset' }, 1],
  ['PUT', { kind: 'cut-upload' }, 1],
  ['PUT', { kind: 'unanswered' }, 1],
  ['PUT', { kind: 'silent' }, 1],
  ['PUT', { kind: 'hold-upload' }, 1],
  ['PUT', { kind: 'slow', pauseMs: 20 }, 1],
  ['PUT', { kind: 'slow', pauseMs: STORE_TIMEOUT_MS / 4 }, 1],
  ['GET', { kind: 'answer', status: 500, code: 'InternalError' }, 1],
  ['GET', { kind: 'answer', status: 503, code: 'SlowDown' }, 1],
  ['GET', { kind: 'reset' }, 1],
  ['GET', { kind: 'silent' }, 1],
  ['GET', { kind: 'cut-download' }, 1],
  ['GET', { kind: 'slow', pauseMs: 20 }, 1],
];

describe('the store', () => {
  test('answers 500 and 503, breaks off in the middle, is slow or silent: one run meets all', async () => {
    for (const [method, fault, times] of PASSING) fixture.storeProxy.strike(method, fault, times);
    const { rows } = await fixture.finish();
    expect(rows).toBeGreaterThan(200);
    for (const kind of new Set(PASSING.map(([, { kind }]) => kind))) {
      const struck = PASSING.filter(([, fault]) => fault.kind === kind);
      const wanted = struck.reduce((sum, [, , times]) => sum + times, 0);
      expect([kind, fixture.storeProxy.fallen(kind)]).toEqual([kind, wanted]);
    }
  });

  test('is killed in the middle of an upload, stays away, and comes back', async () => {
    await fixture.receive(8, 80);
    fixture.storeProxy.strike('PUT', { kind: 'hold-upload' }, Infinity);
    const run = fixture.run();
    await until('half an upload', MINUTE_MS, () => fixture.storeProxy.fallen('hold-upload') > 0);
    await environment.end('object-store', 'SIGKILL');
    await fixture.storeProxy.away();
    fixture.storeProxy.calm();
    const said = await run.logged('archive_retry', MINUTE_MS);
    expect(said).toMatchObject({ code: 'MARQUEE_STORE_UNAVAILABLE' });
    await environment.start('object-store');
    await fixture.storeProxy.back();
    expect(await run.died(MINUTE_MS)).toEqual({ code: 0, signal: null });
  });

  test('is full: the run says so, waits, and ends when there is room', async () => {
    await fixture.receive(8, 80);
    const full: StoreFault = { kind: 'answer', status: 507, code: 'XMinioStorageFull' };
    fixture.storeProxy.strike('PUT', full, Infinity);
    const run = fixture.run();
    const said = await run.logged('archive_retry', MINUTE_MS);
    expect(said).toMatchObject({ code: 'MARQUEE_STORE_UNAVAILABLE' });
    expect(said['reason']).toMatch(/XMinioStorageFull.*has it room/);
    expect(run.exit()).toBeNull();
    fixture.storeProxy.calm();
    expect(await run.died(MINUTE_MS)).toEqual({ code: 0, signal: null });
  });

  describe('refuses', () => {
    const refused = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const run = fixture.run({ env });
      expect(await run.died(20_000)).toEqual({ code: 1, signal: null });
      expect(run.count('archive_retry')).toBe(0);
      return run.tail(4);
    };
    beforeAll(() => fixture.receive(8, 80));

    test('the bucket: said at once, with its name', async () => {
      expect(await refused({ MARQUEE_S3_BUCKET: 'not-there' })).toMatch(
        /MARQUEE_STORE_REFUSED: .*bucket not-there.*NoSuchBucket/,
      );
    });
    test('to write', async () => {
      const denied: StoreFault = { kind: 'answer', status: 403, code: 'AccessDenied' };
      fixture.storeProxy.strike('PUT', denied, Infinity);
      expect(await refused({})).toMatch(/MARQUEE_STORE_REFUSED: PUT .*AccessDenied/);
    });
    test('and a run with the right ones finishes the plan', async () => {
      expect(await fixture.finish()).toMatchObject({ resumed: true });
    });
  });

  describe('gives back something else', () => {
    const refused = async (run: RunningProcess): Promise<void> => {
      expect(await run.died(MINUTE_MS)).toEqual({ code: 1, signal: null });
      expect(run.tail(4)).toMatch(/MARQUEE_ARCHIVE_MISMATCH: archived-events.date=.*SHA-256/);
    };
    beforeAll(() => fixture.receive(8, 100));

    test.each([
      ['one bit is changed on the way', 'flip-download'],
      ['it is cut short', 'short-download'],
    ] as const)('%s: nothing is recorded', async (_, kind) => {
      fixture.storeProxy.strike('GET', { kind });
      await refused(fixture.run());
    });
    test('one bit is lost in the store, between upload and check: nothing is recorded', async () => {
      const run = fixture.run({ failpoint: 'archive_uploaded:1:SIGSTOP' });
      await until('a run to stand before it verifies', MINUTE_MS, () => run.stopped());
      await changeOne(fixture);
      run.kill('SIGCONT');
      await refused(run);
    });
    test('a rerun puts it again', async () => {
      expect(await fixture.finish()).toMatchObject({ resumed: true });
    });
  });

  test('after all of it the archive is the log, by id and by content', async () => {
    const { findings } = await compareWithLog(fixture);
    demand(findings, `seed ${SEED}`);
    expect(await fixture.findings(true)).toEqual([]);
    expect(await fixture.unlisted()).toEqual(new Map());
  });
});
