import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import type { Accepted, Processor } from '../../streams/runtime/processor.ts';
import { assertWanted } from '../../streams/replay/replay-run.ts';
import { replay } from '../../streams/replay/replay.ts';
import type { ReplayReport } from '../../streams/replay/replay.ts';
import type { ReplayHistory, ReplayOptions } from '../../streams/replay/replay-options.ts';
import { refused } from '../../streams/replay/replay-plan.ts';
import type { ReplayStart } from '../../streams/replay/replay-plan.ts';
import type { ShadowPlace } from '../../streams/replay/shadow-tables.ts';
import { archiveConsumer } from '../consumer.ts';
import { readDates } from './read-dates.ts';
import type { ReadCounts, RowPlace } from './read-dates.ts';
import type { ArchivedEvent } from './events.ts';
import { createFiller } from './fill.ts';
import type { FillCounts } from './fill.ts';
import { readLedgerGaps, readListing, readStretches } from './listing.ts';
import type { Listing } from './listing.ts';
import { planRebuild } from './plan.ts';
import type { ArchivedStretch } from './plan.ts';

export type RebuildOptions = Omit<ReplayOptions, 'from' | 'history'> & {
  readonly store: ObjectStore;
  /**
   * Whether backfilled history comes in. Without a word it does, but a comparison takes just what
   * the live tables hold.
   */
  readonly backfills?: 'all' | 'none';
};

/** What came from the archive. */
export interface FromArchive {
  readonly files: number;
  readonly rows: number;
  /** Of the files read; null when there were none. */
  readonly firstDate: string | null;
  readonly lastDate: string | null;
  /** Events applied by source: the topic, and backfills. */
  readonly applied: ReadonlyMap<string, number>;
  readonly resends: number;
  readonly tooLate: number;
  readonly refused: number;
  /** Backfills that stayed out. */
  readonly leftOut: readonly string[];
  /** Events that were archived once and have expired: the tables lack them. */
  readonly expired: number;
  /** Epoch ms: the tables hold events from here on; null for all. */
  readonly floor: number | null;
  readonly stretches: readonly ArchivedStretch[];
  readonly seconds: number;
}

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
  const strange = tables.filter((table) => !known.includes(table));
  if (strange.length > 0)
    throw new MarqueeError(
      'MARQUEE_REBUILD_TABLE',
      `${strange.join(', ')}: no processor makes that; there are ${known.join(', ')}`,
    );
  return processors.filter((p) => p.tables.some((table) => tables.includes(table)));
}

/**
 * Makes a processor's tables again beside the living ones: what the archive holds by its files, and
 * what came after from the log by the runtime itself. Otherwise as `replay`. A topic that is not
 * archived is read from the log alone.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { processor, until, mode } = options;
  const isArchived = processor.source.topic === archiveConsumer.source.topic;
  if (until !== undefined && mode === 'swap')
    throw refused('tables as of an earlier time cannot take the place of the living ones');
  if (until !== undefined && !isArchived)
    throw refused(`${processor.source.topic} is not archived, so there is no earlier state of it`);
  if (until !== undefined && mode === 'compare' && !processor.rowsCarryOffsets)
    throw refused(
      `${processor.tables.join(', ')} hold sums over all events, of which the living ones can't be ` +
        'cut at a time: leave out --compare',
    );
  const work = isArchived ? createArchiveWork(options) : null;
  const report = await replay({
    ...options,
    from: { kind: 'earliest' },
    ...(work === null ? {} : { history: work.history }),
  });
  return { ...report, tables: processor.tables, archive: work?.from() ?? null };
}

/** What one rebuild learns in its snapshot, and does by it. */
function createArchiveWork(options: RebuildOptions) {
  const { processor } = options;
  const { topic } = processor.source;
  let stretches: readonly ArchivedStretch[] = [];
  let listing: Listing | null = null;
  let counts: (ReadCounts & FillCounts) | null = null;
  let seconds = 0;
  let wanted: (place: RowPlace) => boolean = () => false;

  const history: ReplayHistory = {
    async plan(session, live) {
      stretches = await readStretches(session, topic);
      const request = { processor: processor.name, topic, partitions: live, archived: stretches };
      const starts = planRebuild(request);
      listing = await readListing(session, processor, starts, {
        live,
        lateHorizonMs: options.settings.lateHorizonMs,
        choice: options.backfills ?? (options.mode === 'compare' ? 'applied' : 'all'),
      });
      if (listing.expired > 0 && options.mode !== 'build')
        throw refused(
          `${processor.tables.join(', ')} can't be made whole: ${listing.expired} of the events ` +
            'that they hold have expired or are gone from the archive',
        );
      const gaps = await readLedgerGaps(session, processor.name, topic);
      wanted = wantedRows(options, starts, listing, gaps);
      return starts;
    },
    async fill(place, progress) {
      if (listing === null) throw new Error('fill comes after plan');
      const started = performance.now();
      counts = await fill(options, place, listing, wanted, progress);
      seconds = (performance.now() - started) / 1000;
    },
    async swapped(session) {
      await session.execute('DELETE FROM applied_backfills WHERE processor = $1', [processor.name]);
      const sources = listing?.backfills ?? [];
      await session.execute(
        `INSERT INTO applied_backfills (processor, topic, events)
         SELECT $1, topic, events FROM unnest($2::text[], $3::bigint[]) AS b(topic, events)`,
        [processor.name, sources, sources.map((source) => counts?.applied.get(source) ?? 0)],
      );
    },
  };

  return {
    history,
    from(): FromArchive | null {
      if (listing === null || counts === null) return null;
      return {
        files: listing.files.length,
        firstDate: listing.files[0]?.date ?? null,
        lastDate: listing.files.at(-1)?.date ?? null,
        rows: counts.rows,
        applied: counts.applied,
        resends: counts.resends,
        tooLate: counts.tooLate,
        refused: counts.refused,
        leftOut: listing.leftOut,
        expired: listing.expired,
        floor: processor.rowsCarryOffsets ? listing.floor : null,
        stretches,
        seconds,
      };
    },
  };
}

/** Rows that the archive is to give: what the log will give is left to it. */
function wantedRows(
  { processor, until = Infinity }: RebuildOptions,
  starts: readonly ReplayStart[],
  listing: Listing,
  gaps: readonly ArchivedStretch[],
): (place: RowPlace) => boolean {
  const cut = new Map(starts.map(({ partition, from }) => [partition, from]));
  const first = processor.rowsCarryOffsets ? rememberedFrom(listing) : -Infinity;
  return ({ topic, partition, offset, receivedAt, occurredAt }) => {
    if (receivedAt >= until) return false;
    if (topic !== processor.source.topic) return listing.backfills.includes(topic);
    if (occurredAt < first || offset >= (cut.get(partition) ?? 0)) return false;
    return !gaps.some((g) => g.partition === partition && offset >= g.from && offset < g.to);
  };
}

async function fill(
  options: RebuildOptions,
  place: ShadowPlace,
  listing: Listing,
  wanted: (place: RowPlace) => boolean,
  progress: (done: number, due: number) => void,
): Promise<ReadCounts & FillCounts> {
  const { processor, settings, log, signal, store } = options;
  const session = await openSession({
    url: options.postgresUrl,
    applicationName: `marquee-rebuild-${processor.name}`,
    searchPath: `${place.replayed}, public`,
  });
  try {
    // A crash costs the copies anyway, and the swap's COMMIT waits for all before it.
    await session.execute('SET synchronous_commit = off');
    const filler = createFiller({
      session,
      processor,
      store: processor.createStore({ mayComeAgain: comesAgain(processor, listing) }),
      log,
    });
    const read: ReadCounts = { rows: 0, tooLate: 0, resends: 0 };
    const rules = { wanted, lateHorizonMs: settings.lateHorizonMs };
    const due = listing.files.reduce((sum, { rows }) => sum + rows, 0);
    for await (const portion of readDates(store, listing.files, rules, read)) {
      assertWanted(signal);
      await filler.take(portion);
      progress(read.rows, due);
    }
    await filler.flush();
    const { counts } = filler;
    return { ...counts, ...read, resends: counts.resends + read.resends };
  } finally {
    await session.close();
  }
}

/**
 * Epoch ms from which ids must be in the copies: from where the living tables have them, and before
 * as long as the log can hold a resend, which has to find its first copy. What is below the living
 * tables' floor is taken out again at the end.
 */
function rememberedFrom({ floor, settledBefore }: Listing): number {
  return Math.min(settledBefore, floor ?? -Infinity);
}

/** History that never was on the topic can't come again, but for what a late event could still be. */
function comesAgain(
  { source }: Processor,
  listing: Listing,
): (entry: Accepted<unknown>) => boolean {
  const kept = rememberedFrom(listing);
  return (entry) => {
    const isLive = (entry as ArchivedEvent).topic === source.topic;
    return (source.timeMs(entry.event) ?? 0) >= (isLive ? kept : listing.settledBefore);
  };
}
