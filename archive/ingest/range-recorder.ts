import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { identityOf } from '../../streams/runtime/commit/offsets.ts';
import type { Position } from '../../streams/runtime/commit/offsets.ts';
import { ARCHIVED_TOPIC, ARCHIVE_KEY } from '../consumer.ts';
import type { ArchiveContext } from '../context.ts';
import type { FileWriter } from '../format/file-writer.ts';
import type { VerifiedFile } from '../manifest.ts';
import { createOrderedQueue } from './ordered-queue.ts';
import type { FilledRange } from './partition-ingest.ts';
import { recordRange } from './run-log.ts';
import { storeRange } from './store-range.ts';

/**
 * While some are on their way to the store or back, the thread works on another; and reading
 * doesn't wait for its first file, which takes it three times as long as the others.
 */
const CONCURRENT_RANGES = 4;

export interface RangeRecorderOptions {
  /** In use until `close` has ended. */
  readonly session: Session;
  readonly context: Pick<ArchiveContext, 'store' | 'settings' | 'failpoint'>;
  readonly run: number;
  /** By partition; moved with each range that is recorded. */
  readonly positions: Map<number, Position>;
  readonly writer: FileWriter;
  onRecorded(range: FilledRange, files: readonly VerifiedFile[]): void;
}

/**
 * Stores and verifies ranges while the next ones are read, and records them one after the other, in
 * the order in which they came.
 */
export function createRangeRecorder(options: RangeRecorderOptions) {
  const { session, run, positions, writer, onRecorded } = options;
  const { store, settings, failpoint } = options.context;
  const queue = createOrderedQueue(CONCURRENT_RANGES);

  async function storeAndRecord(range: FilledRange, before: Promise<void>): Promise<void> {
    const { partition, from, to, content, last } = range;
    const ledger = content.ledger();
    const lastRow = ledger.at(-1);
    if (lastRow !== undefined) lastRow.to = to;
    const source = { topic: ARCHIVED_TOPIC, partition, from, to };
    const { prefix } = settings;
    const files = await storeRange(content, source, { store, prefix, failpoint, writer });
    failpoint('archive_verified');
    await before;
    const position = positions.get(partition);
    if (position === undefined) throw new Error(`no position of partition ${partition}`);
    const { epoch, openLedgerRow } = position;
    const identity = { offset: last.offset, identity: identityOf(last) };
    const recorded = await recordRange(session, {
      key: ARCHIVE_KEY,
      run,
      step: { partition, epoch, from, after: to, last: identity, asOf: last.timestamp },
      ledger,
      openRow: openLedgerRow,
      files,
    });
    if (recorded === null)
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_BUSY',
        `another run has moved the archive of ${ARCHIVED_TOPIC}/${partition} from ${from}`,
        { retriable: true },
      );
    failpoint('archive_recorded');
    positions.set(partition, {
      epoch,
      next: to,
      last: identity,
      openLedgerRow: recorded.openRow ?? openLedgerRow,
    });
    onRecorded(range, files);
  }

  return {
    /** Waits for room; throws what kept an earlier range from being recorded. */
    add: (range: FilledRange) => queue.add((before) => storeAndRecord(range, before)),
    /** Waits until all ranges are recorded, or throws what kept one from it. */
    close: () => queue.close(),
  };
}
