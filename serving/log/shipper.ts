import { backoffMs, pause } from '../../common/backoff.ts';
import { MarqueeError } from '../../common/error.ts';
import { settledWithin } from '../../common/timers.ts';
import { createAcknowledged } from './acknowledged.ts';
import { servedAtMs } from './recover.ts';
import type { Frame } from './frames.ts';
import { giveSchemaIds, sendFrames } from './send-frames.ts';
import type { FindSchemaId, SendOptions } from './send-frames.ts';
import { segmentPath } from './spool-files.ts';
import type { ProgressFile, SpoolSegment } from './spool-files.ts';
import type { SpoolChunk, SpoolReader } from './spool-reader.ts';

export interface ShipperOptions extends SendOptions {
  readonly schemaId: FindSchemaId;
  readonly folder: string;
  readonly segments: SpoolSegment[];
  readonly reader: SpoolReader;
  readonly progress: ProgressFile;
  /** Records are sent together with what comes within so long. */
  readonly lingerMs: number;
  /** Read and not yet acknowledged; what is more stays on disk alone. */
  readonly inFlightBytesMax: number;
  /** All that was written is read. */
  caughtUp(): void;
  /** So many records and bytes wait no more. */
  settled(records: number, bytes: number): void;
}

/** Brings what stands in the spool to Kafka, in its order, and deletes what was acknowledged. */
export interface Shipper {
  /** More stands in the spool. */
  wake(): void;
  /** From now on nothing waits for company; resolves when all that was written is acknowledged. */
  drain(): Promise<void>;
  /** Looks at no answer any more, and writes down how far it came. */
  stop(): Promise<void>;
  /** Epoch ms of the oldest serve under way; null when none is. */
  oldestMs(): number | null;
}

const BACKOFF = { firstMs: 100, maxMs: 5_000 };
const STOP_MS = 1_000;

export function createShipper(options: ShipperOptions): Shipper {
  const { reader, folder, losses } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const acknowledged = createAcknowledged({ ...options, failed: spoolFailed });
  const drained: PromiseWithResolvers<void> = Promise.withResolvers();
  let timer: NodeJS.Timeout | null = null;
  let pumping: Promise<void> | null = null;
  let pumpAgain = false;
  let draining = false;
  /** More stands in the spool than was read, for want of room. */
  let behind = false;
  let readFailures = 0;
  const isStopped = (): boolean => signal.aborted;

  function spoolFailed(cause: unknown): void {
    const message = `the spool ${folder} can't be read or kept: ${String(cause)}`;
    options.fault(new MarqueeError('MARQUEE_SPOOL_FAILED', message, { cause, retriable: true }));
  }

  async function send(chunk: SpoolChunk, sendable: readonly Frame[]): Promise<void> {
    const [oldest] = chunk.frames;
    const oldestMs = oldest === undefined ? null : servedAtMs(oldest);
    const { segment, from, to, frames, damaged } = chunk;
    const piece = { segment, from, to, oldestMs, done: false };
    acknowledged.begin(piece);
    if (!(await sendFrames(sendable, options, signal))) return;
    if (damaged > 0) {
      const path = segmentPath(folder, segment.number);
      losses.add('damaged', damaged, `${path}: no whole record at places from ${from} to ${to}`);
    }
    acknowledged.done(piece);
    options.settled(frames.length, to - from);
    // What has come meanwhile waits for company, but for what there was no room for.
    if (behind || draining) pump();
  }

  async function readAndSend(): Promise<void> {
    while (!isStopped() && acknowledged.bytesUnderWay < options.inFlightBytesMax) {
      const chunk = await reader.next();
      readFailures = 0;
      if (chunk !== null) {
        const sendable = await giveSchemaIds(chunk.frames, options.schemaId, losses);
        if (sendable !== null && !isStopped()) void send(chunk, sendable);
        // Whatever was written since has set the timer: it waits for company.
        if (draining || !chunk.last) continue;
      }
      behind = false;
      options.caughtUp();
      if (draining && acknowledged.underWay.length === 0) drained.resolve();
      return;
    }
    behind = true;
  }

  async function retryLater(error: unknown): Promise<void> {
    if (isStopped()) return;
    spoolFailed(error);
    readFailures += 1;
    pumpAgain = true;
    await pause(backoffMs(BACKOFF, readFailures), signal);
  }

  /** One at a time; whoever calls meanwhile gets one more round. */
  function pump(): void {
    if (isStopped()) return;
    if (pumping !== null) {
      pumpAgain = true;
      return;
    }
    pumping = readAndSend()
      .catch(retryLater)
      .finally(() => {
        pumping = null;
        if (!pumpAgain) return;
        pumpAgain = false;
        pump();
      });
  }

  return {
    wake() {
      if (draining) pump();
      timer ??= setTimeout(() => {
        timer = null;
        pump();
      }, options.lingerMs);
    },
    drain() {
      draining = true;
      pump();
      return drained.promise;
    },
    async stop() {
      stopping.abort();
      if (timer !== null) clearTimeout(timer);
      acknowledged.stop();
      if (pumping !== null) await settledWithin(STOP_MS, pumping);
      await reader.close();
    },
    oldestMs: () =>
      acknowledged.underWay.find(({ oldestMs }) => oldestMs !== null)?.oldestMs ?? null,
  };
}
