import { mkdirSync, realpathSync } from 'node:fs';
import { MarqueeError } from '../../common/error.ts';
import { settledWithin } from '../../common/timers.ts';
import type { RecommendationServeRecord } from '../../schemas/generated/types.ts';
import { decodeServe } from '../../schemas/serve-parts.ts';
import type { ServePart } from '../../schemas/serve-parts.ts';
import { createPublisher } from '../../sdk/src/publisher.ts';
import type { PublisherOptions } from '../../sdk/src/publisher.ts';
import { createTally } from './counts.ts';
import type { ServeLogCounts } from './counts.ts';
import { createFaultLog } from './fault-log.ts';
import { createFreshBytes } from './fresh-bytes.ts';
import { createLosses } from './losses.ts';
import type { SpoolLog } from './losses.ts';
import { createRecentRecords } from './recent-records.ts';
import { recoverSpool } from './recover.ts';
import type { Leftover } from './recover.ts';
import { createSchemaLookup } from './schema-lookup.ts';
import { createShipper } from './shipper.ts';
import { openProgress } from './spool-files.ts';
import type { ProgressFile } from './spool-files.ts';
import { lockSpool } from './spool-lock.ts';
import { createSpoolReader } from './spool-reader.ts';
import { createSpoolWriter, FILE_IO } from './spool-writer.ts';
import type { SpoolIo } from './spool-writer.ts';

export interface ServeLogOptions {
  /** Of this process alone; made where it is missing. */
  readonly folder: string;
  /** Of the spool on disk; what would be more is lost. 256 MB when not given. */
  readonly bytesMax?: number | undefined;
  /** Where the log goes to. */
  readonly kafka: Omit<PublisherOptions, 'clientId' | 'onFault' | 'deliveryTimeoutMs'> & {
    readonly clientId?: string | undefined;
  };
  readonly log: SpoolLog;
  /** For tests of a disk that fails. */
  readonly io?: SpoolIo | undefined;
}

/**
 * Every served list, on its way to recommendation-serves.v1. A list that was appended survives the
 * process being killed; it comes to the log at least once, and into the tables once.
 */
export interface ServeLog {
  /**
   * Resolves when the record stands in the spool's file, which is when the answer may be sent; or
   * when it is lost, which is counted and logged: answers never wait. Never rejects.
   */
  append(record: RecommendationServeRecord): Promise<void>;
  /**
   * The same of a record in two parts, of which the second is encoded already: what encodeServedList of
   * schemas/serve-parts.ts made, once for all serves of a list.
   */
  appendParts(serve: ServePart, list: Buffer): Promise<void>;
  /** One of the latest that were appended; null for any other. `requestId` has 16 bytes. */
  find(requestId: Buffer): RecommendationServeRecord | null;
  counts(): ServeLogCounts;
  /**
   * Takes nothing more, and sends what waits for at most `timeoutMs` (5 s). What is not acknowledged
   * by then stays in the spool for the next start. A second call waits for the first.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}

const BYTES_MAX = 256 * 1024 * 1024;
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** So that a full spool is emptied by parts of it. */
const SEGMENTS_MIN = 8;
/**
 * Large batches are cheap: what a busy process serves within the linger goes out as one piece. With a
 * last piece beyond the bound, and the publisher's copy, all that is under way takes 8 MB.
 */
const LINGER_MS = 100;
const CHUNK_BYTES = 1536 * 1024;
const IN_FLIGHT_BYTES_MAX = 2560 * 1024;
/** Of a partition's records: from some 2,000 serves a second on CPU is dearer than Kafka's disk. */
const GZIP_BYTES_MAX = 16 * 1024;
const CLOSE_TIMEOUT_MS = 5_000;
const FOREIGN_NAMED = 20;

/**
 * Opens the spool, takes up what an earlier process left in it, and begins to send. Throws
 * MARQUEE_SPOOL_IN_USE while another process has the folder, MARQUEE_SPOOL_FAILED where the disk
 * doesn't give it.
 */
export async function createServeLog(options: ServeLogOptions): Promise<ServeLog> {
  let unlock: (() => void) | null = null;
  try {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const folder = realpathSync(options.folder);
    unlock = lockSpool(folder);
    const progress = openProgress(folder);
    const leftover = await recoverSpool(folder, progress.read());
    tellLeftover(folder, leftover, options.log);
    return run({ ...options, folder }, leftover, progress, unlock);
  } catch (cause) {
    unlock?.();
    if (cause instanceof MarqueeError) throw cause;
    const message = `the spool ${options.folder} can't be opened: ${String(cause)}`;
    throw new MarqueeError('MARQUEE_SPOOL_FAILED', message, { cause, retriable: true });
  }
}

function tellLeftover(folder: string, leftover: Leftover, log: SpoolLog): void {
  const { foreign, records, torn } = leftover;
  if (records > 0 || torn > 0) log.info({ event: 'serve_log_recovered', folder, records, torn });
  if (foreign.length === 0) return;
  const files = foreign.slice(0, FOREIGN_NAMED);
  log.warn({ event: 'serve_log_foreign_files', folder, count: foreign.length, files });
}

function run(
  options: ServeLogOptions,
  leftover: Leftover,
  progress: ProgressFile,
  unlock: () => void,
): ServeLog {
  const { folder, kafka, log, bytesMax = BYTES_MAX } = options;
  const { segments } = leftover;
  const fault = createFaultLog(folder, log);
  const losses = createLosses(folder, log);
  const tally = createTally(leftover, losses);
  const { clientId = 'marquee-serve-log', gzipBytesMax = GZIP_BYTES_MAX } = kafka;
  const publisher = createPublisher({ ...kafka, clientId, gzipBytesMax, onFault: fault }, []);
  const recent = createRecentRecords();
  const fresh = createFreshBytes(CHUNK_BYTES);
  const schemas = createSchemaLookup(kafka.registryUrl, fault);
  const reader = createSpoolReader(folder, segments, leftover.start, CHUNK_BYTES, fresh);
  const shipper = createShipper({
    ...{ folder, segments, progress, reader, publisher, losses, fault },
    schemaId: schemas.find,
    lingerMs: LINGER_MS,
    inFlightBytesMax: IN_FLIGHT_BYTES_MAX,
    caughtUp: tally.caughtUp,
    settled: tally.settled,
  });
  const writer = createSpoolWriter({
    ...{ folder, bytesMax, segments, losses, recent, fresh },
    segmentBytes: Math.min(SEGMENT_BYTES, Math.ceil(bytesMax / SEGMENTS_MIN)),
    nextSegment: leftover.nextSegment,
    io: options.io ?? FILE_IO,
    written(records, bytes) {
      tally.written(records, bytes);
      shipper.wake();
    },
  });
  shipper.wake();

  async function end(timeoutMs: number): Promise<void> {
    writer.close();
    await settledWithin(timeoutMs, shipper.drain());
    schemas.stop();
    await shipper.stop();
    await publisher.close({ timeoutMs: 0 });
    losses.stop();
    progress.close();
    unlock();
  }

  let ending: Promise<void> | null = null;
  return {
    append: writer.append,
    appendParts: writer.appendParts,
    find(requestId) {
      const bytes = recent.find(requestId);
      return bytes === null ? null : decodeServe(bytes);
    },
    counts: () => tally.counts(shipper.oldestMs()),
    close({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      ending ??= end(timeoutMs);
      return ending;
    },
  };
}
