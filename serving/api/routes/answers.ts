import { Type } from 'typebox';
import { REASON_KINDS } from '../../ranking/reasons.ts';
import type { AnswerSpec } from './route.ts';

/** What is answered, as OpenAPI says it. Bodies come ready from the recommender; tests hold them to this. */

const nullable = <T extends ReturnType<typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()]);

const reason = Type.Object(
  {
    kind: Type.Enum([...REASON_KINDS], { description: 'Why it is there.' }),
    movie_id: Type.Optional(Type.Integer({ description: 'The movie that it is there for.' })),
  },
  { description: 'Why the movie is in this place.' },
);

const item = Type.Object({
  movie_id: Type.Integer(),
  position: Type.Integer({ minimum: 1 }),
  score: Type.Number(),
  reason,
  title: Type.Optional(Type.String()),
  year: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  genres: Type.Optional(Type.Array(Type.String())),
});

const served = {
  request_id: Type.String({ description: 'For events that answer this list.' }),
  user_id: nullable(Type.String()),
  surface: Type.String(),
  source: Type.Enum(['cache', 'similarity', 'batch', 'popular'], {
    description: 'The step of the serving chain that answered.',
  }),
  algorithm: Type.String(),
  model_version: nullable(Type.String()),
  surface_version: Type.String({ description: "Version of the surface's rules." }),
  profile_version: Type.Integer({ description: 'Of the profile that it was made from, or 0.' }),
  generated_at: Type.String({ format: 'date-time', description: 'When the list was made.' }),
};

export const recommendationList = Type.Object({ ...served, items: Type.Array(item) });

export const recommendationRows = Type.Object({
  ...served,
  rows: Type.Array(
    Type.Object({
      kind: Type.Enum(['for_you', 'because_you', 'popular', 'genre']),
      movie_id: Type.Optional(
        Type.Integer({ description: 'The movie that the row is there for.' }),
      ),
      title: Type.String(),
      items: Type.Array(item),
    }),
  ),
});

export const explanation = Type.Object(
  {
    request_id: Type.String(),
    user_id: nullable(Type.String()),
    served_at: Type.String({ format: 'date-time' }),
    surface: nullable(Type.String()),
    surface_version: nullable(Type.String()),
    source: Type.String(),
    algorithm: Type.String(),
    model_version: nullable(Type.String()),
    steps: Type.Array(
      Type.Object({
        said: Type.String({ description: 'The step and its word: cache:miss.' }),
        means: Type.String(),
      }),
      { description: 'What each step of the chain said, in order; the last one gave the list.' },
    ),
    items: Type.Array(
      Type.Object({
        movie_id: Type.Integer(),
        position: Type.Integer({ minimum: 1 }),
        title: nullable(Type.String()),
        score: Type.Union([Type.Number(), Type.Null()]),
        propensity: Type.Number({ description: 'How probable it was that it stands here.' }),
        reason: nullable(Type.String()),
        because: Type.String({ description: 'The reason in a sentence.' }),
      }),
    ),
  },
  { description: 'How that list came about: the steps, and the ones not taken.' },
);

export const problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'A word of docs/api.md.' }),
    field: Type.Optional(Type.String()),
    remedy: Type.Optional(Type.String()),
    instance: Type.Optional(
      Type.String({ description: "The request, as the server's log has it." }),
    ),
  },
  { description: 'RFC 9457' },
);

export const eventResult = Type.Object({
  event_id: nullable(Type.String({ description: 'As it was given, or made where none was.' })),
  status: Type.Integer({ description: '202, 400 or 503 for this event.' }),
  recorded_id: Type.Optional(
    Type.String({ description: "The id in the log, where the client's clock was corrected." }),
  ),
  code: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
});

export const eventsAnswer = Type.Object({
  received_at: Type.Integer({ description: "Epoch milliseconds of the server's clock." }),
  accepted: Type.Integer(),
  refused: Type.Integer(),
  results: Type.Array(eventResult),
});

export const json = (description: string, schema: ReturnType<typeof Type.Object>): AnswerSpec => ({
  description,
  content: { 'application/json': schema },
});

const problemOf = (description: string): AnswerSpec => ({
  description,
  content: { 'application/problem+json': problem },
});

/** Of every path that asks for a key. */
export const refusals: Readonly<Record<number, AnswerSpec>> = {
  400: problemOf('A parameter or field breaks a rule: `field` names it'),
  401: problemOf('No key, or none that holds'),
  403: problemOf('The key may not do this'),
  429: problemOf('More requests than the key may make: Retry-After says when to come back'),
  431: problemOf('The URL or the headers are too long'),
  503: problemOf('Too much at once, or a server is away: Retry-After says when to come back'),
};

export const bodyRefusals: Readonly<Record<number, AnswerSpec>> = {
  ...refusals,
  413: problemOf('The body is too large'),
  415: problemOf('The body is of another kind'),
};

export const notFound: Readonly<Record<number, AnswerSpec>> = {
  404: problemOf('There is none'),
};
