import { Type } from 'typebox';
import { ACTIONS } from '../../../schemas/user-action.ts';
import { YEAR_RANGE } from '../http/year-range.ts';

/** Parameters and fields of requests, each in one place. */

export const MOVIE_ID_MAX = Number.MAX_SAFE_INTEGER - 1;
const UUID = '^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
/** Text that Postgres can hold. */
const NO_NUL = '^[^\\u0000]*$';

export const userId = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: NO_NUL,
  description: "The user, by the app's own name.",
});

export const movieId = Type.Integer({
  minimum: 1,
  maximum: MOVIE_ID_MAX,
  description: "The movie, by the catalogue's number.",
});

export const requestId = Type.String({
  pattern: UUID,
  description: 'The request_id of an answer.',
});

const surface = Type.String({
  pattern: '^[a-z0-9][a-z0-9_.-]{0,63}$',
  description: 'Where the list is shown, a name of surfaces.yaml; else its default.',
});

const limit = Type.Integer({
  minimum: 1,
  maximum: 100,
  description: "How many movies; else the surface's own number.",
});

const include = Type.Array(Type.Enum(['title', 'year', 'genres']), {
  maxItems: 10,
  description: 'Fields of each movie that come with its id.',
});

const exclude = Type.Array(movieId, {
  maxItems: 500,
  description: 'Movies that must not be in the list.',
});

const genre = Type.Array(Type.String({ minLength: 1, maxLength: 256, pattern: NO_NUL }), {
  maxItems: 50,
  description: 'Each movie has one of these genres.',
});

const year = Type.String({
  pattern: YEAR_RANGE,
  description: 'Years of release: 1994, 1990..1999, 1990.. or ..1999.',
});

export const seen = Type.Enum(['hide', 'demote', 'show'], {
  description: "What becomes of movies that the user has seen; else the surface's policy.",
});

export const personalize = Type.Boolean({
  description: 'False: nothing of the user decides what is answered.',
});

/** Of every question about a list. */
export const questionFields = {
  surface: Type.Optional(surface),
  limit: Type.Optional(limit),
  include: Type.Optional(include),
  exclude: Type.Optional(exclude),
  genre: Type.Optional(genre),
  year: Type.Optional(year),
};

export const sessionAction = Type.Object(
  {
    movie_id: movieId,
    action: Type.Enum([...ACTIONS]),
    value: Type.Optional(
      Type.Number({ minimum: 0, maximum: 5, description: 'Stars, or the share watched.' }),
    ),
    occurred_at: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2 ** 48 - 1,
        description: 'Epoch milliseconds; else now.',
      }),
    ),
  },
  { additionalProperties: false },
);
