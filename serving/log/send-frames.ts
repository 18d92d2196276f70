import { backoffMs, pause } from '../../common/backoff.ts';
import { asError, MarqueeError } from '../../common/error.ts';
import { writeWireHeader } from '../../schemas/wire.ts';
import type { Publisher } from '../../sdk/src/publisher.ts';
import { SERVES_TOPIC } from './encode-record.ts';
import type { Frame } from './frames.ts';
import type { Losses } from './losses.ts';

export interface SendOptions {
  readonly publisher: Pick<Publisher, 'publishBytes' | 'flush' | 'counts'>;
  readonly losses: Losses;
  /** Told of each fault that is retried. */
  fault(error: MarqueeError): void;
}

/**
 * The registry's id of a version of the schema; waits for the registry as long as that takes. Null
 * when stopped, and -1 of a version that this build does not know.
 */
export type FindSchemaId = (version: number) => Promise<number | null>;

const BACKOFF = { firstMs: 100, maxMs: 5_000 };

/** Writes the ids into the values, and leaves out what nobody could read; null when stopped. */
export async function giveSchemaIds(
  frames: readonly Frame[],
  schemaId: FindSchemaId,
  losses: Losses,
): Promise<readonly Frame[] | null> {
  const known: Frame[] = [];
  let version = -1;
  let id: number | null = null;
  for (const frame of frames) {
    if (frame.schemaVersion !== version) {
      version = frame.schemaVersion;
      id = await schemaId(version);
    }
    if (id === null) return null;
    if (id < 0) {
      losses.add('unknown_version', 1, `of schema version ${version}: a later build wrote it`);
      continue;
    }
    writeWireHeader(frame.value, 0, id);
    known.push(frame);
  }
  return known;
}

/**
 * Sends frames until Kafka has each of them, or will never take it, which is a loss. The first try
 * is made before this returns. False when it was stopped: nobody knows then which ones Kafka has.
 */
export async function sendFrames(
  frames: readonly Frame[],
  options: SendOptions,
  stopping: AbortSignal,
): Promise<boolean> {
  let left = frames;
  for (let attempt = 1; left.length > 0 && !stopping.aborted; attempt += 1) {
    left = await sendOnce(left, options);
    if (left.length > 0) await pause(backoffMs(BACKOFF, attempt), stopping);
  }
  return !stopping.aborted;
}

/** What is to be sent again: all that failed, but for what Kafka will never take. */
async function sendOnce(frames: readonly Frame[], options: SendOptions): Promise<readonly Frame[]> {
  const { publisher, losses } = options;
  const failures = (): number => publisher.counts().failed + publisher.counts().rejected;
  const failedBefore = failures();
  const deliveries = frames.map(({ key, value }) =>
    publisher.publishBytes(SERVES_TOPIC, key, value),
  );
  await publisher.flush();
  if (failures() === failedBefore) return [];
  const again: Frame[] = [];
  for (const [n, { delivered }] of deliveries.entries()) {
    const error = await delivered.then(() => null, asError);
    if (error === null) continue;
    if (error instanceof MarqueeError && error.code === 'MARQUEE_EVENT_REFUSED') {
      losses.add('refused', 1, error.message);
      continue;
    }
    again.push(frames[n] as Frame);
    if (error instanceof MarqueeError && error.code !== 'MARQUEE_CLOSED') options.fault(error);
  }
  return again;
}
