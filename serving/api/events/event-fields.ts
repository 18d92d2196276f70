import { Type } from 'typebox';
import { ACTIONS } from '../../../schemas/user-action.ts';

const text = (max: number, description: string, min = 0) =>
  Type.Optional(
    Type.Union([Type.String({ minLength: min, maxLength: max }), Type.Null()], { description }),
  );

const id = (description: string) =>
  Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()], { description }));

/** An action of a user as JSON. What the types can't say, the rules of the events' schema do. */
export const eventFields = {
  event_id: id('A UUIDv7 of the time it happened. With it, sending again counts once.'),
  user_id: Type.String({ minLength: 1, maxLength: 256 }),
  action: Type.Enum([...ACTIONS]),
  movie_id: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - 1 }), Type.Null()], {
      description: 'Needed by all actions but search.',
    }),
  ),
  value: Type.Optional(
    Type.Union([Type.Number({ minimum: 0, maximum: 5 }), Type.Null()], {
      description:
        'Stars of rate (0.5 to 5); share watched of progress, and if known of play and complete.',
    }),
  ),
  occurred_at: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0 }), Type.String({ format: 'date-time' }), Type.Null()], {
      description: "Epoch milliseconds, or ISO 8601 with its zone; else the id's time, or now.",
    }),
  ),
  session_id: text(256, 'The visit.'),
  request_id: id('The request_id of the list that this answers.'),
  position: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }), Type.Null()], {
      description: 'Place of the movie in that list, from 1.',
    }),
  ),
  device: text(64, 'tv, phone, web.'),
  app: text(64, "The key's app, where it is said."),
  app_version: text(64, 'Of the app.'),
  properties: Type.Optional(
    Type.Union([Type.Record(Type.String(), Type.String({ maxLength: 1024 })), Type.Null()], {
      description: 'Anything else: at most 32.',
    }),
  ),
};

const envelope = {
  sent_at: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        "Epoch milliseconds by the client's clock, now: a wrong clock is corrected by it.",
    }),
  ),
  key: Type.Optional(
    Type.String({ description: 'A key of scope emit alone, where no header can be sent.' }),
  ),
};

export const EVENTS_MAX = 500;

export const eventsBody = Type.Union([
  Type.Object(
    {
      events: Type.Array(Type.Object(eventFields, { additionalProperties: false }), {
        minItems: 1,
        maxItems: EVENTS_MAX,
      }),
      ...envelope,
    },
    { additionalProperties: false },
  ),
  Type.Object({ ...eventFields, ...envelope }, { additionalProperties: false }),
]);
