import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { withArchiveLock } from '../lock.ts';
import { firstOffsetIn, mergedObject } from '../object-names.ts';
import type { ArchiveSettings } from '../settings.ts';

export interface RemovedObject {
  readonly path: string;
  /** `replaced` by a merge, `expired`, or an `orphan` that no record ever listed. */
  readonly why: 'replaced' | 'expired' | 'orphan';
  readonly bytes: number;
}

/** Objects of one request to the store. */
const BATCH_OBJECTS = 100;

/**
 * Removes objects that no reader may need any more: what was replaced or has expired for longer
 * than the grace time, and what a run or merge that ended too soon has left. Returns them (of a dry
 * run: those that would go). Throws MarqueeError MARQUEE_ARCHIVE_BUSY.
 */
export async function removeOrphans(
  session: Session,
  store: ObjectStore,
  settings: Pick<ArchiveSettings, 'prefix' | 'graceMs'>,
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly RemovedObject[]> {
  const find = async () => {
    const retired = await findRetired(session, settings.graceMs);
    return { retired, orphans: await findOrphans(session, store, settings) };
  };
  if (dryRun) {
    const { retired, orphans } = await find();
    return [...retired, ...orphans];
  }
  return withArchiveLock(session, async () => {
    const { retired, orphans } = await find();
    const removed = [...retired, ...orphans];
    for (let i = 0; i < removed.length; i += BATCH_OBJECTS) {
      const batch = removed.slice(i, i + BATCH_OBJECTS);
      // The lock goes with the session: without it nothing may be removed any more.
      await session.execute('SELECT 1');
      await store.remove(batch.map(({ path }) => path));
    }
    await session.execute(
      `WITH replaced AS (
         DELETE FROM archive_files WHERE path = ANY($1) AND replaced_at IS NOT NULL)
       UPDATE archive_expired SET removed_at = now() WHERE path = ANY($1) AND removed_at IS NULL`,
      [retired.map(({ path }) => path)],
    );
    return removed;
  });
}

function findRetired(session: Session, graceMs: number): Promise<RemovedObject[]> {
  return session.query<RemovedObject & Record<string, unknown>>(
    `SELECT path, 'replaced' AS why, bytes FROM archive_files
      WHERE replaced_at < now() - $1 * interval '1 millisecond'
     UNION ALL
     SELECT path, 'expired', bytes FROM archive_expired e
      WHERE removed_at IS NULL AND expired_at < now() - $1 * interval '1 millisecond'
        AND NOT EXISTS (SELECT FROM archive_files f WHERE f.path = e.path)
      ORDER BY 1`,
    [graceMs],
  );
}

/** Objects older than the grace time that nothing lists, and that no rerun would write again. */
async function findOrphans(
  session: Session,
  store: ObjectStore,
  { prefix, graceMs }: Pick<ArchiveSettings, 'prefix' | 'graceMs'>,
): Promise<RemovedObject[]> {
  const found: RemovedObject[] = [];
  // The listing comes first: what is recorded meanwhile is in the manifest that is read after it.
  for await (const { name, bytes, modifiedAt } of store.list(prefix))
    if (name.endsWith('.parquet') && modifiedAt < Date.now() - graceMs)
      found.push({ path: name, why: 'orphan', bytes });
  const needed = await readNeeded(session, prefix);
  return found.filter(({ path }) => isOrphan(path, needed));
}

/** The manifest and the plans, as far as they tell what is no orphan. */
export interface NeededObjects {
  /** Objects that are listed, or that a planned merge makes. */
  readonly names: ReadonlySet<string>;
  /** Positions of the archive. */
  readonly positions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly next: number;
  }[];
}

/**
 * Not an orphan, however old, is what a rerun of a plan would write: it is at offsets not passed
 * yet.
 */
export function isOrphan(path: string, { names, positions }: NeededObjects): boolean {
  if (names.has(path)) return false;
  return !positions.some(({ topic, partition, next }) => {
    const from = firstOffsetIn(path, topic, partition);
    return from !== null && from >= next;
  });
}

async function readNeeded(session: Session, prefix: string): Promise<NeededObjects> {
  const listed = await session.query<{ path: string }>(
    `SELECT path FROM archive_files
     UNION ALL
     SELECT path FROM archive_expired WHERE removed_at IS NULL`,
  );
  const merges = await session.query<{ id: number; topic: string; date: string }>(
    'SELECT id, topic, date::text FROM archive_merges',
  );
  const positions = await session.query<{ topic: string; partition: number; next: number }>(
    `SELECT topic, partition, next_offset AS next FROM stream_offsets WHERE processor = 'archive'`,
  );
  const names = new Set([
    ...listed.map(({ path }) => path),
    ...merges.map((merge) => mergedObject(prefix, merge)),
  ]);
  return { names, positions };
}
