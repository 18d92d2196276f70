import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { formatUuid } from '../../common/uuid.ts';
import { hashOfDecimal, hashToDecimal } from '../../common/hash.ts';
import { planCompaction } from './compaction-plan.ts';
import type { MergeableFile } from './compaction-plan.ts';
import { lockArchive } from '../manifest.ts';
import { mergeFiles, checksumsOfFile } from './merge.ts';
import type { MergedFile } from './merge.ts';
import type { ArchiveContext } from '../context.ts';
import { mapConcurrent } from '../../common/map-concurrent.ts';
import {
  addChecksums,
  createChecksums,
  sameChecksums,
  subtractChecksums,
} from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';

export interface CompactReport {
  readonly merges: number;
  readonly filesBefore: number;
  readonly rows: number;
  readonly duplicatesRemoved: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Of a dry run: what would be merged. */
  readonly planned: readonly {
    readonly date: string;
    readonly topic: string;
    readonly files: number;
    readonly bytes: number;
  }[];
}

export interface CompactOptions {
  /** Small files of a date that have to be there. */
  readonly filesMin: number;
  /** Only this UTC date (YYYY-MM-DD). */
  readonly date?: string;
  readonly dryRun?: boolean;
}

type CompactContext = Pick<
  ArchiveContext,
  'postgresUrl' | 'store' | 'settings' | 'runtime' | 'failpoint' | 'signal' | 'log'
> & { onMerge?(done: number, due: number): void };

const SIDE_BY_SIDE = 4;

/**
 * Merges the small files of each date. A merge is planned and committed first; one that was cut
 * short is finished before others. What replaces a file is read back from the store and verified
 * before one transaction lists it in their place, so a reader sees either them or it.
 * Throws MarqueeError MARQUEE_ARCHIVE_BUSY, MARQUEE_ARCHIVE_MISMATCH, MARQUEE_OBJECT_MISSING.
 */
export async function compactArchive(
  context: CompactContext,
  options: CompactOptions,
): Promise<CompactReport> {
  const session = await openSession({
    url: context.postgresUrl,
    applicationName: 'marquee-archive-compact',
    statementTimeoutMs: context.runtime.statementTimeoutMs,
  });
  try {
    await lockArchive(session);
    const listed = await listFiles(session, options.date ?? null);
    const rule = { targetBytes: context.settings.mergeBytes, filesMin: options.filesMin };
    if (options.dryRun === true)
      return { ...NOTHING, planned: planCompaction(listed, rule).map(planned) };
    const open = await openMerges(session);
    const busy = new Set(open.flatMap(({ inputs }) => inputs));
    const free = listed.filter(({ path }) => !busy.has(path));
    const due: (() => Promise<Merge>)[] = [
      ...open.map((merge) => () => Promise.resolve(merge)),
      ...planCompaction(free, rule).map((files) => () => planMerge(session, files)),
    ];
    let report = NOTHING;
    for (const [n, next] of due.entries()) {
      if (context.signal?.aborted === true)
        throw new MarqueeError('MARQUEE_ARCHIVE_STOPPED', 'stopped; a rerun finishes the merge');
      context.onMerge?.(n, due.length);
      report = add(report, await carryOut(session, context, await next()));
    }
    context.onMerge?.(due.length, due.length);
    return report;
  } finally {
    await session.close();
  }
}

const NOTHING: CompactReport = {
  merges: 0,
  filesBefore: 0,
  rows: 0,
  duplicatesRemoved: 0,
  bytesBefore: 0,
  bytesAfter: 0,
  planned: [],
};

function planned(files: readonly MergeableFile[]) {
  const { date, topic } = files[0] as MergeableFile;
  return { date, topic, files: files.length, bytes: files.reduce((sum, f) => sum + f.bytes, 0) };
}

function add(a: CompactReport, b: Done | null): CompactReport {
  if (b === null) return a;
  return {
    merges: a.merges + 1,
    filesBefore: a.filesBefore + b.inputs,
    rows: a.rows + b.rows,
    duplicatesRemoved: a.duplicatesRemoved + b.removed,
    bytesBefore: a.bytesBefore + b.bytesBefore,
    bytesAfter: a.bytesAfter + b.bytesAfter,
    planned: [],
  };
}

interface Merge {
  readonly id: number;
  readonly topic: string;
  readonly date: string;
  readonly inputs: readonly string[];
}

interface Done {
  readonly inputs: number;
  readonly rows: number;
  readonly removed: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

function listFiles(session: Session, date: string | null): Promise<ListedFile[]> {
  return session.query<ListedFile>(
    `SELECT path, topic, date::text, bytes, rows FROM archive_files
      WHERE replaced_at IS NULL AND ($1::date IS NULL OR date = $1) ORDER BY path`,
    [date],
  );
}

type ListedFile = MergeableFile & Record<string, unknown>;

function openMerges(session: Session): Promise<(Merge & Record<string, unknown>)[]> {
  return session.query('SELECT id, topic, date::text, inputs FROM archive_merges ORDER BY id');
}

async function planMerge(session: Session, files: readonly MergeableFile[]): Promise<Merge> {
  const { topic, date } = files[0] as MergeableFile;
  const inputs = files.map(({ path }) => path);
  const [row] = await session.query<{ id: number }>(
    'INSERT INTO archive_merges (topic, date, inputs) VALUES ($1, $2, $3) RETURNING id',
    [topic, date, inputs],
  );
  return { id: row?.id ?? 0, topic, date, inputs };
}

interface Input extends Record<string, unknown> {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: Buffer;
  readonly id_sum: string;
  readonly content_sum: string;
  readonly generation: number;
}

/** Null when an input has left the manifest since the merge was planned: then it is given up. */
async function carryOut(
  session: Session,
  context: CompactContext,
  merge: Merge,
): Promise<Done | null> {
  const inputs = await session.query<Input>(
    `SELECT path, rows, bytes, sha256, id_sum::text, content_sum::text, generation FROM archive_files
      WHERE path = ANY($1) AND replaced_at IS NULL ORDER BY path`,
    [merge.inputs],
  );
  if (inputs.length !== merge.inputs.length) {
    context.log.warn({ event: 'merge_given_up', merge: merge.id, reason: 'an input is gone' });
    await session.execute('DELETE FROM archive_merges WHERE id = $1', [merge.id]);
    return null;
  }
  const folder = await mkdtemp(join(tmpdir(), 'marquee-merge-'));
  try {
    const path = mergedName(context.settings.prefix, merge);
    const merged = await mergeInto(context, merge, inputs, folder, path);
    context.failpoint('archive_merge_uploaded');
    const found = await verifyMerged(context, inputs, merged, folder, path);
    await recordMerge(session, merge, inputs, merged, found, path);
    context.failpoint('archive_merge_recorded');
    return {
      inputs: inputs.length,
      rows: merged.rows,
      removed: merged.removed.rows,
      bytesBefore: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
      bytesAfter: merged.bytes,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The merge's number is in the name: an object of a merge that was given up is never taken for another. */
export function mergedName(prefix: string, { topic, date, id }: Merge): string {
  return `${prefix}date=${date}/${topic.replaceAll(':', '-')}-merged-${id}.parquet`;
}

async function mergeInto(
  { store, failpoint }: CompactContext,
  merge: Merge,
  inputs: readonly Input[],
  folder: string,
  path: string,
): Promise<MergedFile> {
  const local = await mapConcurrent(inputs, SIDE_BY_SIDE, async (input) => {
    const file = join(folder, `${inputs.indexOf(input)}.parquet`);
    await store.getFile(input.path, file);
    if (!(await sha256Of(file)).equals(input.sha256))
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_MISMATCH',
        `${input.path}: SHA-256 differs from what was recorded. Nothing was merged. See \`marquee audit\``,
      );
    return file;
  });
  const merged = await mergeFiles(local, join(folder, 'merged.parquet'), {
    topic: merge.topic,
    metadata: {
      schema_version: 1,
      topic: merge.topic,
      merge: merge.id,
      merged_files: inputs.length,
      generation: generationOf(inputs),
    },
  });
  failpoint('archive_merge_written');
  await store.putFile(path, join(folder, 'merged.parquet'));
  return merged;
}

function generationOf(inputs: readonly Input[]): number {
  return Math.max(...inputs.map(({ generation }) => generation)) + 1;
}

interface Verified {
  readonly sums: Checksums;
  readonly firstId: string;
  readonly lastId: string;
}

/** What the store gives back holds the rows of the inputs, less the resends that were left out. */
async function verifyMerged(
  { store }: CompactContext,
  inputs: readonly Input[],
  merged: MergedFile,
  folder: string,
  path: string,
): Promise<Verified> {
  const back = join(folder, 'back.parquet');
  await store.getFile(path, back);
  const wrong = (what: string) =>
    new MarqueeError(
      'MARQUEE_ARCHIVE_MISMATCH',
      `${path}: ${what}. Nothing was replaced. Look at the store; a rerun puts the object again`,
    );
  if (!(await sha256Of(back)).equals(merged.sha256))
    throw wrong('the store gave back other bytes than were put there (SHA-256)');
  const { sums, firstId, lastId } = await checksumsOfFile(back);
  const expected = createChecksums();
  for (const { rows, id_sum, content_sum } of inputs)
    addChecksums(expected, {
      rows,
      id: hashOfDecimal(id_sum),
      content: hashOfDecimal(content_sum),
    });
  subtractChecksums(expected, merged.removed);
  if (!sameChecksums(sums, expected))
    throw wrong(`${sums.rows} rows, ${expected.rows} were expected, or their contents differ`);
  return { sums, firstId: formatUuid(firstId), lastId: formatUuid(lastId) };
}

async function recordMerge(
  session: Session,
  merge: Merge,
  inputs: readonly Input[],
  { removed, bytes, sha256 }: MergedFile,
  { sums, firstId, lastId }: Verified,
  path: string,
): Promise<void> {
  const paths = inputs.map((input) => input.path);
  await session.transaction(async () => {
    await session.execute(
      `INSERT INTO archive_files (path, topic, partition, from_offset, to_offset, date, rows, id_sum, content_sum,
          bytes, sha256, first_event_id, last_event_id, generation, duplicates_removed, removed_id_sum,
          removed_content_sum, archived_at)
       SELECT $1, $2, NULL, NULL, NULL, $3, $4, $5, $6, $7, $8, $9, $10, $11, sum(duplicates_removed) + $12,
              mod(sum(removed_id_sum) + $13, ${MODULUS}), mod(sum(removed_content_sum) + $14, ${MODULUS}), max(archived_at)
         FROM archive_files WHERE path = ANY($15)`,
      [
        path,
        merge.topic,
        merge.date,
        sums.rows,
        hashToDecimal(sums.id),
        hashToDecimal(sums.content),
        bytes,
        sha256,
        firstId,
        lastId,
        generationOf(inputs),
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
    await session.execute('DELETE FROM archive_merges WHERE id = $1', [merge.id]);
  });
}

const MODULUS = String(2n ** 128n);

async function sha256Of(path: string): Promise<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest();
}
