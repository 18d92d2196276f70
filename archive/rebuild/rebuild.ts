import { MarqueeError } from '../../common/error.ts';
import { refused } from '../../streams/replay/replay-plan.ts';
import { replay } from '../../streams/replay/replay.ts';
import type { ReplayReport } from '../../streams/replay/replay.ts';
import type { Processor } from '../../streams/runtime/processor.ts';
import { ARCHIVED_TOPIC } from '../consumer.ts';
import { createArchiveHistory } from './archive-history.ts';
import type { ArchiveHistoryOptions, FromArchive } from './archive-history.ts';

export type RebuildOptions = ArchiveHistoryOptions;

export interface RebuildReport extends ReplayReport {
  readonly tables: readonly string[];
  /** Null where the topic is not archived: all came from the log. */
  readonly archive: FromArchive | null;
}

/** The processors that make these tables, each once. Throws MARQUEE_REBUILD_TABLE. */
export function processorsOf(
  tables: readonly string[],
  processors: readonly Processor[],
): readonly Processor[] {
  const known = processors.flatMap((p) => p.tables);
  const unknown = tables.filter((table) => !known.includes(table));
  if (unknown.length > 0)
    throw new MarqueeError(
      'MARQUEE_REBUILD_TABLE',
      `${unknown.join(', ')}: no processor makes that; there are ${known.join(', ')}`,
    );
  return processors.filter((p) => p.tables.some((table) => tables.includes(table)));
}

/**
 * Makes a processor's tables again beside the live ones: what the archive holds by its files, and
 * what came after from the log by the runtime itself. Otherwise as `replay`. A topic that is not
 * archived is read from the log alone.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { processor, until, mode } = options;
  const isArchived = processor.source.topic === ARCHIVED_TOPIC;
  if (until !== undefined && mode === 'swap')
    throw refused('tables as of an earlier time cannot take the place of the living ones');
  if (until !== undefined && !isArchived)
    throw refused(`${processor.source.topic} is not archived, so there is no earlier state of it`);
  if (until !== undefined && mode === 'compare' && !processor.rowsCarryOffsets)
    throw refused(
      `${processor.tables.join(', ')} hold sums over all events, of which the living ones can't ` +
        'be cut at a time: leave out --compare',
    );
  const archive = isArchived ? createArchiveHistory(options) : null;
  const report = await replay({
    ...options,
    from: { kind: 'earliest' },
    ...(archive === null ? {} : { history: archive.history }),
  });
  return { ...report, tables: processor.tables, archive: archive?.result() ?? null };
}
