import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { audit } from '../../../archive/audit/audit.ts';
import type { AuditFinding } from '../../../archive/audit/report.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import type { Log } from '../../../common/log.ts';
import type { ArchiveFixture } from './fixture.ts';
import type { Finding } from '../scenario/checks.ts';
import { createSecondDatabase } from '../faults/second-database.ts';
import { openDatabase, type Database } from '../faults/database.ts';

const PREFIX = 'second-run/';
const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const FILES = `SELECT substring(path FROM position('date=' IN path)) AS name, encode(sha256, 'hex') AS sha
    FROM archive_files WHERE generation = 0 ORDER BY 1`;

interface FileRow extends Record<string, unknown> {
  readonly name: string;
  readonly sha: string;
}

interface Plan extends Record<string, unknown> {
  readonly id: number;
  readonly until: string;
}

/**
 * Carries out the same plans once more, without faults, in a database and under a prefix of their
 * own, or on another store, and compares every object by name and SHA-256 with those that the hurt
 * runs made. The second run's own audit, which reads all its objects, must find nothing.
 */
export async function compareWithSecondRun(
  fixture: ArchiveFixture,
  store: ObjectStore = fixture.store,
): Promise<Finding> {
  const { environment } = fixture;
  const urls = await createSecondDatabase(environment, 'second_run');
  const second = openDatabase(urls.admin);
  try {
    const plans = await environment.db.query<Plan>(
      `SELECT id, until::text AS until FROM archive_runs r
        WHERE EXISTS (SELECT FROM archive_plans p
                       WHERE p.run_id = r.id AND p.to_offset > p.from_offset) ORDER BY id`,
    );
    for (const plan of plans) {
      await copyPlan(environment.db, second, plan);
      await runArchive(
        {
          brokers: environment.brokers,
          registryUrl: environment.registryUrl,
          postgresUrl: urls.writer,
          store,
          settings: { ...DEFAULT_ARCHIVE, prefix: PREFIX, rowsMax: fixture.rowsMax, graceMs: 0 },
          runtime: environment.config.runtime.settings,
          log: quiet,
          failpoint: () => undefined,
        },
        null,
      );
    }
    const [hurt, clean] = [
      await environment.db.query<FileRow>(FILES),
      await second.query<FileRow>(FILES),
    ];
    const shaOf = new Map(hurt.map((row) => [row.name, row.sha]));
    const [merges] = await environment.db.query(
      'SELECT FROM archive_files WHERE generation > 0 LIMIT 1',
    );
    // What a merge replaced may be off the list by now; the rest of it must be as it was.
    const mayBeGone = merges !== undefined;
    const differing = clean.filter(({ name, sha }) =>
      mayBeGone && !shaOf.has(name) ? false : shaOf.get(name) !== sha,
    );
    const asMany = mayBeGone ? hurt.length <= clean.length : hurt.length === clean.length;
    const found = await auditOf(urls.admin, store);
    return {
      check: `the same ${plans.length} plans without faults give the same ${clean.length} objects, byte for byte`,
      holds: asMany && differing.length === 0 && found.length === 0,
      found: `its audit: ${JSON.stringify(found.slice(0, 3))}; ${hurt.length} objects, ${clean.length} without faults; ${differing.length} differ: ${JSON.stringify(differing.slice(0, 3))}`,
    };
  } finally {
    await second.close();
    await environment.db.query('DROP DATABASE IF EXISTS second_run WITH (FORCE)');
    for await (const { name } of store.list(PREFIX)) await store.remove([name]);
  }
}

async function auditOf(url: string, store: ObjectStore): Promise<readonly AuditFinding[]> {
  const session = await openSession({
    url,
    applicationName: 'fault-suite',
    searchPath: 'marquee, public',
  });
  try {
    return (await audit(session, { from: null, to: null, store })).findings;
  } finally {
    await session.close();
  }
}

async function copyPlan(from: Database, to: Database, plan: Plan): Promise<void> {
  const ranges = await from.query(
    'SELECT topic, partition, from_offset, to_offset FROM archive_plans WHERE run_id = $1',
    [plan.id],
  );
  await to.query(
    `WITH run AS (INSERT INTO archive_runs (until) VALUES ($1) RETURNING id)
     INSERT INTO archive_plans (run_id, topic, partition, from_offset, to_offset)
     SELECT run.id, p.* FROM run,
       json_to_recordset($2) AS p(topic text, partition int, from_offset bigint, to_offset bigint)`,
    [plan.until, JSON.stringify(ranges)],
  );
}
