import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import type { ArchiveContext } from '../context.ts';
import { lockArchive } from '../lock.ts';
import { planCompaction } from './compaction-plan.ts';
import type { MergeableFile } from './compaction-plan.ts';
import {
  forgetMerge,
  listMergeable,
  planMerge,
  readInputs,
  readOpenMerges,
  recordMerge,
} from './merge-log.ts';
import type { Merge } from './merge-log.ts';
import { mergeObjects } from './merge-objects.ts';

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
    const listed = await listMergeable(session, options.date ?? null);
    const rule = { targetBytes: context.settings.mergeBytes, filesMin: options.filesMin };
    if (options.dryRun === true)
      return { ...NOTHING, planned: planCompaction(listed, rule).map(planned) };
    const open = await readOpenMerges(session);
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

/** One merge, as a report of its own. */
type MergeReport = Omit<CompactReport, 'merges' | 'planned'>;

function add(a: CompactReport, b: MergeReport | null): CompactReport {
  if (b === null) return a;
  return {
    merges: a.merges + 1,
    filesBefore: a.filesBefore + b.filesBefore,
    rows: a.rows + b.rows,
    duplicatesRemoved: a.duplicatesRemoved + b.duplicatesRemoved,
    bytesBefore: a.bytesBefore + b.bytesBefore,
    bytesAfter: a.bytesAfter + b.bytesAfter,
    planned: [],
  };
}

/** Null when an input has left the manifest since the merge was planned: then it is given up. */
async function carryOut(
  session: Session,
  context: CompactContext,
  merge: Merge,
): Promise<MergeReport | null> {
  const inputs = await readInputs(session, merge);
  if (inputs === null) {
    context.log.warn({ event: 'merge_given_up', merge: merge.id, reason: 'an input is gone' });
    await forgetMerge(session, merge);
    return null;
  }
  const merged = await mergeObjects(context, merge, inputs);
  await recordMerge(session, merge, inputs, merged);
  context.failpoint('archive_merge_recorded');
  return {
    filesBefore: inputs.length,
    rows: merged.checksums.rows,
    duplicatesRemoved: merged.removed.rows,
    bytesBefore: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
    bytesAfter: merged.bytes,
  };
}
