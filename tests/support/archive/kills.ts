import { openDatabase } from '../faults/database.ts';
import type { Random } from '../../../common/random.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { ArchiveRunOptions, ArchiveFixture } from './fixture.ts';
import type { ArchiveFailpointName } from '../../../archive/failpoints.ts';
import type { RunningProcess } from '../processes.ts';
import { until } from '../until.ts';

/** A place at which a run of the archive meets SIGKILL. */
export interface ArchiveKill {
  readonly name: string;
  /** Starts a run and returns when it is dead; false: it ended before the place came. */
  strike(fixture: ArchiveFixture, options?: ArchiveRunOptions): Promise<boolean>;
}

/** Merges what is small, to the end. */
export const COMPACT = ['archive', 'compact', '--json'];
const WITHIN_MS = 300_000;

async function dead(process: RunningProcess): Promise<boolean> {
  const end = await process.died(WITHIN_MS);
  if (end.signal === 'SIGKILL') return true;
  if (end.code === 0) return false;
  throw new Error(`ended by itself before it was killed\n${process.tail()}`);
}

/** At the nth passing of a point of the source; `command` where it is not in `archive run`. */
export function atPoint(
  name: string,
  point: ArchiveFailpointName,
  nth = 1,
  command?: readonly string[],
): ArchiveKill {
  const failpoint = `${point}:${nth}`;
  const run = {
    failpoint,
    label: `archive at ${failpoint}`,
    ...(command === undefined ? {} : { command }),
  };
  return { name, strike: (fixture, options) => dead(fixture.run({ ...options, ...run })) };
}

/** With half of an object at the store. */
const midUpload: ArchiveKill = {
  name: 'in the middle of an upload',
  async strike(fixture, options) {
    const { storeProxy } = fixture;
    storeProxy.strike('PUT', { kind: 'hold-upload' }, Infinity);
    const process = fixture.run({ ...options, label: 'archive in an upload' });
    try {
      await until('half an object at the store, or the end', WITHIN_MS, () => {
        return process.exit() !== null || storeProxy.fallen('hold-upload') > 0;
      });
      process.kill('SIGKILL');
      return await dead(process);
    } finally {
      storeProxy.calm();
    }
  },
};

/**
 * While Postgres is in the statement that drops an hour: the server goes on with it, though nobody
 * is there any more to hear how it ended.
 */
const midDrop: ArchiveKill = {
  name: 'in the statement that drops an hour',
  async strike(fixture, options) {
    const { environment } = fixture;
    const blocker = openDatabase(environment.adminUrl);
    try {
      const [oldest] = await blocker.query<{ name: string }>(
        `SELECT p.partition::text AS name FROM partitions_of('rt_user_interactions'::regclass) p
          ORDER BY p.starts_at LIMIT 1`,
      );
      if (oldest === undefined) return false;
      await blocker.query('BEGIN');
      await blocker.query(`LOCK TABLE ${oldest.name} IN ACCESS SHARE MODE`);
      const process = fixture.run({ ...options, label: 'archive in a drop' });
      const dropping = async (): Promise<boolean> => {
        const rows = await environment.db.query(
          `SELECT FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT drop_archived_hour%'`,
        );
        return rows.length > 0;
      };
      await until('a drop to wait for its lock, or the end', WITHIN_MS, async () => {
        return process.exit() !== null || (await dropping());
      });
      process.kill('SIGKILL');
      const killed = await dead(process);
      await blocker.query('ROLLBACK');
      await until('the statement to end without its process', WITHIN_MS, async () => {
        return !(await dropping()) && (await runsOfArchive(fixture)) === 0;
      });
      return killed;
    } finally {
      await blocker.close();
    }
  },
};

async function runsOfArchive({ environment }: ArchiveFixture): Promise<number> {
  const rows = await environment.db.query(
    `SELECT FROM pg_stat_activity WHERE application_name = 'marquee-archive'`,
  );
  return rows.length;
}

/** Whenever it comes. */
export function atRandom(random: Random, withinMs: () => number): ArchiveKill {
  return {
    name: 'at a random moment',
    async strike(fixture, options) {
      const process = fixture.run({ ...options, label: 'archive at a random moment' });
      const ended = new AbortController();
      void process.exited.then(() => ended.abort());
      await delay(random.below(withinMs()), undefined, { signal: ended.signal }).catch(
        () => undefined,
      );
      process.kill('SIGKILL');
      return dead(process);
    },
  };
}

/**
 * Every place, in the order of a run: in a chain each rerun comes further than the one before. A
 * new point of the source is one more line.
 */
export const ARCHIVE_KILLS: readonly ArchiveKill[] = [
  atPoint('before the plan', 'archive_before_plan'),
  atPoint('before an upload', 'archive_before_upload'),
  midUpload,
  atPoint('before it is verified', 'archive_uploaded'),
  atPoint('before the commit', 'archive_verified'),
  atPoint('after a commit', 'archive_recorded', 3),
  atPoint('before the drop', 'archive_before_drop'),
  atPoint('in the middle of the drop', 'archive_hour_dropped', 2),
  midDrop,
  atPoint('in a merge, before its upload', 'archive_merge_written', 1, COMPACT),
  atPoint('in a merge, before it is recorded', 'archive_merge_uploaded', 1, COMPACT),
  atPoint('in a merge, after it was recorded', 'archive_merge_recorded', 1, COMPACT),
];
