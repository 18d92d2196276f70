import { MarqueeError } from '../../../common/error.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { ApiProblem } from '../http/problem.ts';
import type { ApiKey } from '../keys/api-key.ts';
import { correctionMs } from './clock.ts';
import type { Corrections } from './clock.ts';
import type { EventBatch } from './event-batch.ts';
import type { EventLog } from './event-log.ts';
import { EVENT_BYTES_MAX, idOf, isFault, parseEvent } from './parse-event.ts';
import type { EventFault, MakeId, ReadEvent } from './parse-event.ts';

/** What became of one event: 202 stored, 400 refused for good, 503 to be sent again. */
export interface EventResult {
  readonly event_id: string | null;
  readonly status: 202 | 400 | 503;
  readonly recorded_id?: string;
  readonly code?: string;
  readonly field?: string;
  readonly error?: string;
}

export interface EventSinkParts {
  readonly log: EventLog;
  readonly corrections: Corrections;
  readonly makeId: MakeId;
}

/**
 * Stores the events of a batch, and returns what became of each, in their order. Throws `buffer_full`
 * before any was taken.
 */
export async function takeEvents(
  batch: EventBatch,
  key: ApiKey,
  { nowMs, bodyBytes }: { readonly nowMs: number; readonly bodyBytes: number },
  { log, corrections, makeId }: EventSinkParts,
): Promise<EventResult[]> {
  const skewMs = correctionMs(batch.sentAtMs, nowMs);
  const clock = {
    nowMs,
    correction(eventId: string | null): number {
      if (skewMs === 0 || eventId === null) return skewMs;
      const before = corrections.get(key.keyId, eventId);
      if (before !== undefined) return before;
      corrections.set(key.keyId, eventId, skewMs);
      return skewMs;
    },
  };
  // A body that fits into the bound of one event has none that is larger: few are measured.
  const isMeasured = bodyBytes > EVENT_BYTES_MAX;
  const events = batch.events.map((given) =>
    isMeasured && isTooLarge(given) ? tooLarge(given) : parseEvent(given, key, clock, makeId),
  );
  const good = events.filter((event) => !isFault(event)).length;
  if (!log.hasRoom(good))
    throw new ApiProblem('buffer_full', 'events come faster than the broker stores them', {
      retryAfterSeconds: 1,
      remedy: 'send the same events again; none was taken',
    });
  return Promise.all(
    events.map((event) => (isFault(event) ? Promise.resolve(refused(event)) : store(event, log))),
  );
}

function isTooLarge(given: unknown): boolean {
  return (
    typeof given === 'object' &&
    given !== null &&
    Buffer.byteLength(JSON.stringify(given)) > EVENT_BYTES_MAX
  );
}

function tooLarge(given: unknown): EventFault {
  const id = (given as { readonly event_id?: unknown }).event_id;
  return {
    eventId: typeof id === 'string' ? id.slice(0, 64) : null,
    code: 'too_large',
    field: null,
    message: `it has more than ${EVENT_BYTES_MAX} bytes`,
  };
}

function refused({ eventId, code, field, message }: EventFault): EventResult {
  return {
    event_id: eventId,
    status: 400,
    code,
    ...(field === null ? {} : { field }),
    error: message,
  };
}

async function store(event: ReadEvent, log: EventLog): Promise<EventResult> {
  const eventId = idOf(event);
  try {
    await log.append(event.record);
  } catch (error) {
    if (!(error instanceof MarqueeError)) throw error;
    // The broker's word on this event alone is final; all else may be over by the next try.
    const isFinal = error.code === 'MARQUEE_EVENT_REFUSED';
    return isFinal
      ? {
          event_id: eventId,
          status: 400,
          code: 'refused_by_broker',
          error: 'the broker refuses it',
        }
      : { event_id: eventId, status: 503, code: 'not_stored', error: 'no acknowledgement came' };
  }
  const recorded = formatUuid(event.record.event_id);
  return {
    event_id: eventId,
    status: 202,
    ...(recorded === eventId.toLowerCase() ? {} : { recorded_id: recorded }),
  };
}
