import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { hashToDecimal } from '../../common/hash.ts';
import { CHECKSUM_MODULUS } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import type { MergeableFile } from './compaction-plan.ts';

/** A merge that was planned and committed. */
export interface Merge {
  readonly id: number;
  readonly topic: string;
  readonly date: string;
  readonly inputs: readonly string[];
}

export function listMergeable(session: Session, date: string | null): Promise<MergeableFile[]> {
  return session.query<MergeableFile & Record<string, unknown>>(
    `SELECT path, topic, date::text, bytes, rows FROM archive_files
      WHERE replaced_at IS NULL AND ($1::date IS NULL OR date = $1) ORDER BY path`,
    [date],
  );
}

/** Merges that were planned and have not ended. */
export function readOpenMerges(session: Session): Promise<Merge[]> {
  return session.query<Merge & Record<string, unknown>>(
    'SELECT id, topic, date::text, inputs FROM archive_merges ORDER BY id',
  );
}

/** Commits a merge of files of one date and source before anything of it is done. */
export async function planMerge(session: Session, files: readonly MergeableFile[]): Promise<Merge> {
  const { topic, date } = files[0] as MergeableFile;
  const inputs = files.map(({ path }) => path);
  const [row] = await session.query<{ id: number }>(
    'INSERT INTO archive_merges (topic, date, inputs) VALUES ($1, $2, $3) RETURNING id',
    [topic, date, inputs],
  );
  return { id: row?.id ?? 0, topic, date, inputs };
}

/** A file that is merged, as it was recorded. */
export interface MergeInput {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: Buffer;
  /** Decimal. */
  readonly id_sum: string;
  readonly content_sum: string;
  readonly generation: number;
}

/** The merge's inputs; null when one has left the manifest since it was planned. */
export async function readInputs(
  session: Session,
  { inputs }: Merge,
): Promise<readonly MergeInput[] | null> {
  const files = await session.query<MergeInput & Record<string, unknown>>(
    `SELECT path, rows, bytes, sha256, id_sum::text, content_sum::text, generation
       FROM archive_files WHERE path = ANY($1) AND replaced_at IS NULL ORDER BY path`,
    [inputs],
  );
  return files.length === inputs.length ? files : null;
}

export async function forgetMerge(session: Session, { id }: Merge): Promise<void> {
  await session.execute('DELETE FROM archive_merges WHERE id = $1', [id]);
}

/** A merged object that was read back and found to be what it should be. */
export interface VerifiedMerge {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: Buffer;
  readonly generation: number;
  readonly checksums: Checksums;
  /** Resends that were left out. */
  readonly removed: Checksums;
  readonly firstId: string;
  readonly lastId: string;
}

const M = CHECKSUM_MODULUS;

/** Lists the merged file in the place of its inputs, in one transaction. */
export async function recordMerge(
  session: Session,
  merge: Merge,
  inputs: readonly MergeInput[],
  merged: VerifiedMerge,
): Promise<void> {
  const { path, checksums, removed } = merged;
  const paths = inputs.map((input) => input.path);
  await session.transaction(async () => {
    await session.execute(
      `INSERT INTO archive_files (path, topic, partition, from_offset, to_offset, date, rows,
          id_sum, content_sum, bytes, sha256, first_event_id, last_event_id, generation,
          duplicates_removed, removed_id_sum, removed_content_sum, archived_at)
       SELECT $1, $2, NULL, NULL, NULL, $3, $4, $5, $6, $7, $8, $9, $10, $11,
              sum(duplicates_removed) + $12, mod(sum(removed_id_sum) + $13, ${M}),
              mod(sum(removed_content_sum) + $14, ${M}), max(archived_at)
         FROM archive_files WHERE path = ANY($15)`,
      [
        path,
        merge.topic,
        merge.date,
        checksums.rows,
        hashToDecimal(checksums.id),
        hashToDecimal(checksums.content),
        merged.bytes,
        merged.sha256,
        merged.firstId,
        merged.lastId,
        merged.generation,
        removed.rows,
        hashToDecimal(removed.id),
        hashToDecimal(removed.content),
        paths,
      ],
    );
    const replaced = await session.query(
      `UPDATE archive_files SET replaced_at = now(), replaced_by = $1
        WHERE path = ANY($2) AND replaced_at IS NULL RETURNING path`,
      [path, paths],
    );
    if (replaced.length !== paths.length)
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_BUSY',
        `another process has changed the files of ${merge.date}: nothing was replaced`,
        { retriable: true },
      );
    await forgetMerge(session, merge);
  });
}
