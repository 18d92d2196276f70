import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { mergedName } from './compact.ts';
import { withArchiveLock } from '../manifest.ts';
import type { ArchiveSettings } from '../settings.ts';

export interface RemovedObject {
  readonly path: string;
  /** `replaced` by a merge, `expired`, or an `orphan` that no record ever listed. */
  readonly why: 'replaced' | 'expired' | 'orphan';
  readonly bytes: number;
}

/**
 * Removes objects that no reader may need any more: what was replaced or has expired for longer than
 * the grace time, and what a run or merge that ended too soon has left. Returns them (of a dry run:
 * those that would go). Throws MarqueeError MARQUEE_ARCHIVE_BUSY.
 */
export async function removeOrphans(
  session: Session,
  store: ObjectStore,
  settings: Pick<ArchiveSettings, 'prefix' | 'graceMs'>,
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly RemovedObject[]> {
  const find = async () => {
    const retired = await retiredObjects(session, settings.graceMs);
    return { retired, orphaned: await orphans(session, store, settings) };
  };
  if (dryRun) {
    const { retired, orphaned } = await find();
    return [...retired, ...orphaned];
  }
  return withArchiveLock(session, async () => {
    const { retired, orphaned } = await find();
    const swept = [...retired, ...orphaned];
    for (let i = 0; i < swept.length; i += AT_ONCE) {
      const some = swept.slice(i, i + AT_ONCE);
      // The lock goes with the session: without it nothing may be removed any more.
      await session.execute('SELECT 1');
      await store.remove(some.map(({ path }) => path));
    }
    await session.execute(
      `WITH replaced AS (DELETE FROM archive_files WHERE path = ANY($1) AND replaced_at IS NOT NULL)
       UPDATE archive_expired SET removed_at = now() WHERE path = ANY($1) AND removed_at IS NULL`,
      [retired.map(({ path }) => path)],
    );
    return swept;
  });
}

const AT_ONCE = 100;

function retiredObjects(session: Session, graceMs: number): Promise<(RemovedObject & Row)[]> {
  return session.query(
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

type Row = Record<string, unknown>;

/**
 * Objects that nothing lists. One that a rerun of a plan would write again is none, however old: it
 * stands at offsets that the archive has not passed.
 */
async function orphans(
  session: Session,
  store: ObjectStore,
  { prefix, graceMs }: Pick<ArchiveSettings, 'prefix' | 'graceMs'>,
): Promise<RemovedObject[]> {
  const found: RemovedObject[] = [];
  // The listing comes first: what is recorded meanwhile is in the manifest that is read after it.
  for await (const { name, bytes, modifiedAt } of store.list(prefix))
    if (name.endsWith('.parquet') && modifiedAt < Date.now() - graceMs)
      found.push({ path: name, why: 'orphan', bytes });
  const listed = await session.query<{ path: string }>(
    'SELECT path FROM archive_files UNION ALL SELECT path FROM archive_expired WHERE removed_at IS NULL',
  );
  const known = new Set(listed.map(({ path }) => path));
  for (const merge of await session.query<{ id: number; topic: string; date: string }>(
    'SELECT id, topic, date::text FROM archive_merges',
  ))
    known.add(mergedName(prefix, { ...merge, inputs: [] }));
  const standing = await session.query<{ topic: string; partition: number; next: number }>(
    `SELECT topic, partition, next_offset AS next FROM stream_offsets WHERE processor = 'archive'`,
  );
  return found.filter(
    ({ path }) =>
      !known.has(path) &&
      !standing.some(({ topic, partition, next }) => {
        const from = fromOffset(path, `${topic}-${partition}-`);
        return from !== null && from >= next;
      }),
  );
}

/** The first offset in an object's name, if it is of that topic and partition. */
function fromOffset(path: string, start: string): number | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!name.startsWith(start)) return null;
  const match = /^(\d+)-\d+\.parquet$/.exec(name.slice(start.length));
  return match === null ? null : Number(match[1]);
}
