import { parseUuid, uuidv7 } from '../../../common/uuid.ts';

/** What the way here may take: a difference up to this says nothing of the client's clock. */
const TOLERATED_MS = 15_000;
/**
 * Corrections are whole multiples of it, so that a batch that is sent again, with another time on its
 * way, gets the same ids but at the edge of a step.
 */
const STEP_MS = 60_000;

/**
 * What is to be added to the times of a batch, in ms: 0 while the client's clock is about right. It
 * is rounded so that nothing comes to lie in the future.
 */
export function correctionMs(sentAtMs: number | null, nowMs: number): number {
  if (sentAtMs === null) return 0;
  const skewMs = nowMs - sentAtMs;
  if (Math.abs(skewMs) <= TOLERATED_MS) return 0;
  return Math.floor(skewMs / STEP_MS) * STEP_MS;
}

/** The id of the same event at the right time: what was random in it stays. */
export function correctId(id: Buffer, atMs: number): Buffer {
  return uuidv7(atMs, id.subarray(6));
}

/** The ids that batches were given, so that one that is sent again gets the same. */
export interface Corrections {
  get(keyId: string, eventId: string): number | undefined;
  set(keyId: string, eventId: string, correctionMs: number): void;
}

const REMEMBERED_MAX = 50_000;

/** Remembers the newest ones of this process; the step above is for all others. */
export function createCorrections(max = REMEMBERED_MAX): Corrections {
  const known = new Map<string, number>();
  const nameOf = (keyId: string, eventId: string): string => {
    const id = parseUuid(eventId);
    return `${keyId}${id === null ? eventId : id.toString('latin1')}`;
  };
  return {
    get: (keyId, eventId) => known.get(nameOf(keyId, eventId)),
    set(keyId, eventId, correction) {
      known.set(nameOf(keyId, eventId), correction);
      if (known.size <= max) return;
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    },
  };
}
