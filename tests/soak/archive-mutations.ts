import { repositoryRoot } from '../../cli/config/config.ts';
import { compareWithLog } from '../support/archive/equals.ts';
import { atPoint } from '../support/archive/kills.ts';
import { ARCHIVE_MUTANTS, changeFunction, type ArchiveMutant } from './archive-mutants.ts';
import {
  changeOne,
  createArchiveFixture,
  type ArchiveFixture,
} from '../support/archive/fixture.ts';
import { compareWithSecondRun } from '../support/archive/second-run.ts';
import { demand, same } from '../support/scenario/checks.ts';
import { plant } from './mutants.ts';
import { until } from '../support/until.ts';
import { ARCHIVE_FAULT_SERVICES, type Environment } from '../support/faults/environment.ts';
import { proveMutants } from './prove.ts';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';

/**
 * Takes one guarantee of the archive after the other out of a copy of the source, and shows that
 * the fault suite's checks go red over it: `marquee soak --archive --mutations`.
 */

async function balanced(fixture: ArchiveFixture, when: string): Promise<void> {
  demand([same(`the audit finds nothing ${when}`, await fixture.findings(true), [])], when);
}

/** A fault for each guarantee, with the checks of the suite after it. */
async function shortFaults(fixture: ArchiveFixture): Promise<void> {
  await fixture.receive(0, 150);
  fixture.postgresProxy.strike('unanswered');
  await fixture.finish();
  await balanced(fixture, 'after an answer to COMMIT was lost');

  await fixture.receive(60, 150);
  await atPoint('before an upload', 'archive_before_upload').strike(fixture);
  await fixture.receive(2, 150);
  await fixture.finish();
  await balanced(fixture, 'after a kill');

  await fixture.receive(2, 150);
  await changeAtRest(fixture);
  await fixture.finish();
  await balanced(fixture, 'after an object changed before it was verified');

  for (let day = 0; day < 3; day++) await fixture.receive(24, 60);
  const shift = fixture.time() - 72 * HOUR_MS - Date.now();
  const clock = `file://${repositoryRoot}/tests/support/faults/other-clock.ts`;
  await fixture.finish({ preload: `${clock}?shift=${shift}&of=now` });
  const [row] = await fixture.environment.db.query<{ rows: number; dropped: number }>(
    `SELECT (SELECT sum(ok_count)::bigint FROM stream_ledger l JOIN stream_offsets o
        ON o.processor = 'archive' AND o.partition = l.partition
       WHERE l.processor = 'interactions' AND l.from_offset >= o.next_offset) AS rows,
     (SELECT coalesce(sum(d.rows), 0)::bigint FROM dropped_accounts d JOIN stream_offsets o
        ON o.processor = 'archive' AND o.partition = d.partition
       WHERE d.ledger_from >= o.next_offset) AS dropped`,
  );
  demand([same('nothing was dropped that is not archived', row?.dropped, 0)], 'the clock set back');
  await fixture.finish();
  await balanced(fixture, 'at the end');
  const { findings } = await compareWithLog(fixture);
  demand([...findings, await compareWithSecondRun(fixture)], 'at the end');
}

async function changeAtRest(fixture: ArchiveFixture): Promise<void> {
  const run = fixture.run({ failpoint: 'archive_uploaded:1:SIGSTOP' });
  await until('a run to stand before it verifies', MINUTE_MS, () => run.stopped());
  await changeOne(fixture);
  run.kill('SIGCONT');
  await run.died(MINUTE_MS);
}

/** What went red, or null where all checks hold. */
async function tryMutant(environment: Environment, mutant: ArchiveMutant): Promise<string | null> {
  const { root, remove } = plant(mutant);
  const restore =
    mutant.sql === undefined ? null : await changeFunction(environment.db, mutant.sql);
  await environment.reset(['user-actions.v1']);
  const fixture = await createArchiveFixture(environment, { seed: 99, rowsMax: 30, root });
  try {
    await shortFaults(fixture);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await fixture.close();
    await restore?.();
    remove();
  }
}

export const runArchiveMutations = (): Promise<boolean> =>
  proveMutants({
    services: ARCHIVE_FAULT_SERVICES,
    mutants: ARCHIVE_MUTANTS,
    changes: ({ edits, sql }) => edits.length > 0 || sql !== undefined,
    tryMutant,
    reasons: (red) =>
      red
        .split('\n')
        .filter((line) => line !== '')
        .slice(0, 4),
  });
