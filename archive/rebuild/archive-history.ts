import { openSession } from '../../connectors/postgres/session.ts';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { ReplayHistory, ReplayOptions } from '../../streams/replay/replay-options.ts';
import { refused } from '../../streams/replay/replay-plan.ts';
import { assertWanted } from '../../streams/replay/replay-context.ts';
import type { ShadowPlace } from '../../streams/replay/shadow-tables.ts';
import { createFiller } from './fill.ts';
import type { FillCounts } from './fill.ts';
import { readLedgerGaps, readListing, readStretches } from './listing.ts';
import type { Listing } from './listing.ts';
import { planRebuild } from './plan.ts';
import type { ArchivedStretch } from './plan.ts';
import { readDates } from './read-dates.ts';
import type { ReadCounts, RowPlace } from './read-dates.ts';
import { mayComeAgain, wantedRows } from './row-rules.ts';

export type ArchiveHistoryOptions = Omit<ReplayOptions, 'from' | 'history'> & {
  readonly store: ObjectStore;
  /**
   * Whether backfilled history comes in. Without a word it does, but a comparison takes just what
   * the live tables hold.
   */
  readonly backfills?: 'all' | 'none';
};

/** Events that came from the archive, and those that did not. */
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

/** The snapshot's findings, by which the copies are filled. */
interface Plan {
  readonly stretches: readonly ArchivedStretch[];
  readonly listing: Listing;
  wanted(place: RowPlace): boolean;
}

interface Filled extends ReadCounts, FillCounts {
  readonly seconds: number;
}

/** The archive as what comes before the log of one replay: planned, filled in, then told. */
export function createArchiveHistory(options: ArchiveHistoryOptions): {
  readonly history: ReplayHistory;
  /** Null before the copies are filled. */
  result(): FromArchive | null;
} {
  let plan: Plan | null = null;
  let filled: Filled | null = null;
  const history: ReplayHistory = {
    async plan(session, live) {
      const { processor, settings, mode, backfills, until = Infinity } = options;
      const { topic } = processor.source;
      const stretches = await readStretches(session, topic);
      const request = { processor: processor.name, topic, partitions: live, archived: stretches };
      const starts = planRebuild(request);
      const listing = await readListing(session, processor, starts, {
        live,
        lateHorizonMs: settings.lateHorizonMs,
        choice: backfills ?? (mode === 'compare' ? 'applied' : 'all'),
      });
      if (listing.expired > 0 && mode !== 'build')
        throw refused(
          `${processor.tables.join(', ')} can't be made whole: ${listing.expired} of the events ` +
            'that they hold have expired or are gone from the archive',
        );
      const gaps = await readLedgerGaps(session, processor.name, topic);
      const wanted = wantedRows({ processor, until, starts, listing, gaps });
      plan = { stretches, listing, wanted };
      return starts;
    },
    async fill(place, progress) {
      if (plan === null) throw new Error('fill comes after plan');
      filled = await fill(options, place, plan, progress);
    },
    async swapped(session) {
      const { name } = options.processor;
      await session.execute('DELETE FROM applied_backfills WHERE processor = $1', [name]);
      const sources = plan?.listing.backfills ?? [];
      await session.execute(
        `INSERT INTO applied_backfills (processor, topic, events)
         SELECT $1, topic, events FROM unnest($2::text[], $3::bigint[]) AS b(topic, events)`,
        [name, sources, sources.map((source) => filled?.applied.get(source) ?? 0)],
      );
    },
  };
  return {
    history,
    result: () =>
      plan === null || filled === null ? null : resultOf(options.processor, plan, filled),
  };
}

function resultOf(
  { rowsCarryOffsets }: ReplayOptions['processor'],
  { listing, stretches }: Plan,
  filled: Filled,
): FromArchive {
  return {
    files: listing.files.length,
    firstDate: listing.files[0]?.date ?? null,
    lastDate: listing.files.at(-1)?.date ?? null,
    rows: filled.rows,
    applied: filled.applied,
    resends: filled.resends,
    tooLate: filled.tooLate,
    refused: filled.refused,
    leftOut: listing.leftOut,
    expired: listing.expired,
    floor: rowsCarryOffsets ? listing.floor : null,
    stretches,
    seconds: filled.seconds,
  };
}

async function fill(
  options: ArchiveHistoryOptions,
  place: ShadowPlace,
  { listing, wanted }: Plan,
  progress: (done: number, due: number) => void,
): Promise<Filled> {
  const started = performance.now();
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
      store: processor.createStore({ mayComeAgain: mayComeAgain(processor, listing) }),
      log,
    });
    const read: ReadCounts = { rows: 0, tooLate: 0, resends: 0 };
    const rules = { wanted, lateHorizonMs: settings.lateHorizonMs };
    const due = listing.files.reduce((sum, { rows }) => sum + rows, 0);
    for await (const batch of readDates(store, listing.files, rules, read)) {
      assertWanted(signal);
      await filler.take(batch);
      progress(read.rows, due);
    }
    await filler.flush();
    const { counts } = filler;
    const seconds = (performance.now() - started) / 1000;
    return { ...counts, ...read, resends: counts.resends + read.resends, seconds };
  } finally {
    await session.close();
  }
}
