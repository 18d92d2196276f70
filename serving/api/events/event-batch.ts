import { ApiProblem } from '../http/problem.ts';
import { EVENTS_MAX } from './event-fields.ts';

export type Json = Readonly<Record<string, unknown>>;

/** What one body brings: at most EVENTS_MAX events, each still to be read. */
export interface EventBatch {
  readonly events: readonly unknown[];
  /** Epoch ms by the client's clock. */
  readonly sentAtMs: number | null;
  readonly key: string | null;
}

const ENVELOPE: ReadonlySet<string> = new Set(['events', 'sent_at', 'key']);
const MS_MAX = 2 ** 48 - 1;

/** Takes {events: [...], sent_at, key} apart, or one event with sent_at and key beside its fields. */
export function readBatch(body: unknown): EventBatch {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ApiProblem('invalid_request', 'the body is no JSON object', {
      remedy: 'one event, or {"events": [...]}',
    });
  const { sent_at: sentAt, key, ...rest } = body as Json;
  return {
    events: 'events' in rest ? listOf(rest) : [rest],
    sentAtMs: timeOf(sentAt),
    key: textOf(key),
  };
}

function listOf(rest: Json): readonly unknown[] {
  for (const name of Object.keys(rest))
    if (!ENVELOPE.has(name)) {
      const field = name.slice(0, 100);
      throw new ApiProblem('invalid_request', `${field} is not known beside events`, { field });
    }
  const { events } = rest;
  if (!Array.isArray(events) || events.length === 0 || events.length > EVENTS_MAX)
    throw new ApiProblem('invalid_request', `events is no list of 1 to ${EVENTS_MAX} events`, {
      field: 'events',
    });
  return events as readonly unknown[];
}

function timeOf(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MS_MAX)
    return value;
  throw new ApiProblem('invalid_request', 'sent_at is no time in epoch milliseconds', {
    field: 'sent_at',
  });
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  throw new ApiProblem('invalid_request', 'key is no text', { field: 'key' });
}
