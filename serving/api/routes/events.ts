import { createCorrections } from '../events/clock.ts';
import { readBatch } from '../events/event-batch.ts';
import { eventsBody } from '../events/event-fields.ts';
import type { EventLog } from '../events/event-log.ts';
import { createMakeId } from '../events/parse-event.ts';
import { takeEvents } from '../events/take-events.ts';
import type { EventResult } from '../events/take-events.ts';
import { ApiProblem } from '../http/problem.ts';
import type { ApiKey } from '../keys/api-key.ts';
import { bodyRefusals, eventsAnswer, json } from './answers.ts';
import { defineRoute } from './route.ts';
import type { Route, RouteReply } from './route.ts';

export const EVENTS_BYTES_MAX = 500 * 1024;

/**
 * Takes events in. The status alone says what to do: 202 all are stored; 207 some are refused for
 * good, the rest is stored; 400 none can be taken; 503 send the batch again.
 */
export function eventRoutes(options: {
  readonly log: EventLog;
  /** The key that stands in the body, where the header has none: it may emit and nothing else. */
  recogniseBodyKey(text: string | null): ApiKey;
  /** The clock of the server, in epoch ms. */
  now(): number;
  count(results: readonly EventResult[]): void;
}): readonly Route[] {
  const parts = { log: options.log, corrections: createCorrections(), makeId: createMakeId() };
  return [
    defineRoute(
      {
        method: 'POST',
        path: '/v1/events',
        operationId: 'postEvents',
        tag: 'events',
        summary: 'Takes in what users do',
        description:
          'One event, or {"events": [...]} of at most 500. 202 is said when the broker has all of them.',
        scope: 'emit',
        body: eventsBody,
        bodyBytesMax: EVENTS_BYTES_MAX,
        beacon: true,
        answers: {
          202: json('All events are stored', eventsAnswer),
          207: json(
            'Some are refused for good: `results` says why; the others are stored',
            eventsAnswer,
          ),
          ...bodyRefusals,
        },
      },
      async ({ body, key, bodyBytes }) => {
        const batch = readBatch(body);
        if (key !== null && batch.key !== null)
          throw new ApiProblem(
            'invalid_request',
            'there are two keys, in the header and the body',
            {
              field: 'key',
            },
          );
        const holder = key ?? options.recogniseBodyKey(batch.key);
        const receivedAt = options.now();
        const results = await takeEvents(batch, holder, { nowMs: receivedAt, bodyBytes }, parts);
        options.count(results);
        return answer(results, receivedAt);
      },
    ),
  ];
}

function answer(results: readonly EventResult[], receivedAt: number): RouteReply {
  const accepted = results.filter(({ status }) => status === 202).length;
  const again = results.filter(({ status }) => status === 503).length;
  if (again > 0)
    throw new ApiProblem(
      'not_stored',
      `${again} of ${results.length} events are not known to be stored`,
      {
        retryAfterSeconds: 2,
        remedy: 'send the batch again with the same event_ids: what is stored counts once',
        members: { received_at: receivedAt, results },
      },
    );
  const refused = results.length - accepted;
  if (accepted === 0)
    throw new ApiProblem('events_refused', results[0]?.error ?? 'no event can be taken', {
      field: results[0]?.field,
      members: { received_at: receivedAt, results },
    });
  const body = { received_at: receivedAt, accepted, refused, results };
  return { body: JSON.stringify(body), status: refused === 0 ? 202 : 207 };
}
