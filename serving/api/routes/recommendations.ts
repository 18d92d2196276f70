import { Type } from 'typebox';
import type { Answer, ListQuery, MovieField, Recommender } from '../../answers/recommender.ts';
import { textProblem } from '../../../schemas/problem.ts';
import { ApiProblem } from '../http/problem.ts';
import { parseYearRange } from '../http/year-range.ts';
import type { ApiKey } from '../keys/api-key.ts';
import { requireUser } from '../keys/authorise.ts';
import {
  bodyRefusals,
  explanation,
  json,
  notFound,
  recommendationList,
  recommendationRows,
  refusals,
} from './answers.ts';
import {
  movieId,
  personalize,
  questionFields,
  requestId,
  seen,
  sessionAction,
  userId,
} from './fields.ts';
import { defineRoute } from './route.ts';
import type { Route, RouteReply } from './route.ts';

const PERSONAL = 'private, no-store';
const SHARED = 'public, max-age=60';
const BODY_BYTES_MAX = 64 * 1024;
const USER_TEXT = { min: 1, max: 256 } as const;
const DEFAULT_ROWS = 6;

interface Asked {
  readonly surface?: string;
  readonly limit?: number;
  readonly include?: readonly string[];
  readonly exclude?: readonly number[];
  readonly genre?: readonly string[];
  readonly year?: string;
}

const NO_MOVIES: readonly number[] = [];
const NO_WORDS: readonly string[] = [];

/** The part that all questions have. */
function questionOf(
  asked: Asked,
  key: ApiKey | null,
  startedAt: number,
): Pick<ListQuery, 'startedAt' | 'app' | 'surface' | 'limit' | 'include' | 'filter'> {
  const { yearFrom, yearTo } = parseYearRange(asked.year);
  return {
    startedAt,
    app: key?.app ?? '',
    surface: asked.surface ?? null,
    limit: asked.limit ?? null,
    include: (asked.include ?? NO_WORDS) as readonly MovieField[],
    filter: {
      exclude: asked.exclude ?? NO_MOVIES,
      genres: asked.genre ?? NO_WORDS,
      yearFrom,
      yearTo,
    },
  };
}

/** The user's id, valid as text, that the key may ask for. */
function userOf(id: string, key: ApiKey | null, field: string): string {
  const found = textProblem(field, id, USER_TEXT);
  if (found !== null) throw new ApiProblem('invalid_request', found.message, { field });
  if (key !== null) requireUser(key, id, field);
  return id;
}

const closed = { additionalProperties: false };
const userParams = Type.Object({ id: userId }, closed);

/** Everything that asks the recommender. */
export function recommendationRoutes(recommender: Recommender): readonly Route[] {
  return [...userRoutes(recommender), ...otherRoutes(recommender), explainRoute(recommender)];
}

function userRoutes(recommender: Recommender): readonly Route[] {
  return [
    defineRoute(
      {
        method: 'GET',
        path: '/v1/users/{id}/recommendations',
        operationId: 'getRecommendations',
        tag: 'recommendations',
        summary: 'A list for a user',
        scope: 'read',
        params: userParams,
        query: Type.Object(
          {
            ...questionFields,
            seen: Type.Optional(seen),
            after: Type.Optional(requestId),
            personalize: Type.Optional(personalize),
          },
          closed,
        ),
        answers: { 200: json('The list', recommendationList), ...refusals },
      },
      async ({ params, query, key, startedAt }) => {
        const user = userOf(params.id, key, 'id');
        const { body, source } = await recommender.recommend({
          ...questionOf(query, key, startedAt),
          userId: user,
          seen: query.seen ?? null,
          after: query.after?.toLowerCase() ?? null,
          personalize: query.personalize ?? true,
        });
        return { body, source, cache: PERSONAL };
      },
    ),
    defineRoute(
      {
        method: 'GET',
        path: '/v1/users/{id}/rows',
        operationId: 'getRows',
        tag: 'recommendations',
        summary: 'A page of rows for a user, no movie twice',
        scope: 'read',
        params: userParams,
        query: Type.Object(
          {
            ...questionFields,
            rows: Type.Optional(Type.Integer({ minimum: 1, maximum: 20, default: DEFAULT_ROWS })),
            personalize: Type.Optional(personalize),
          },
          closed,
        ),
        answers: { 200: json('The rows', recommendationRows), ...refusals },
      },
      async ({ params, query, key, startedAt }) => {
        const user = userOf(params.id, key, 'id');
        const { body, source } = await recommender.rows({
          ...questionOf(query, key, startedAt),
          userId: user,
          rows: query.rows ?? DEFAULT_ROWS,
          personalize: query.personalize ?? true,
        });
        return { body, source, cache: PERSONAL };
      },
    ),
    defineRoute(
      {
        method: 'POST',
        path: '/v1/users/{id}/rank',
        operationId: 'rank',
        tag: 'recommendations',
        summary: 'The given movies, best first for a user',
        scope: 'read',
        params: userParams,
        body: Type.Object(
          {
            ...questionFields,
            movie_ids: Type.Array(movieId, { minItems: 1, maxItems: 500, uniqueItems: true }),
          },
          closed,
        ),
        bodyBytesMax: BODY_BYTES_MAX,
        answers: { 200: json('The list', recommendationList), ...bodyRefusals },
      },
      async ({ params, body: asked, key, startedAt }) => {
        const user = userOf(params.id, key, 'id');
        const { body, source } = await recommender.rank({
          ...questionOf(asked, key, startedAt),
          userId: user,
          movieIds: asked.movie_ids,
        });
        return { body, source, cache: PERSONAL };
      },
    ),
  ];
}

function otherRoutes(recommender: Recommender): readonly Route[] {
  return [
    defineRoute(
      {
        method: 'POST',
        path: '/v1/session/recommendations',
        operationId: 'getSessionRecommendations',
        tag: 'recommendations',
        summary: 'A list for somebody who is not signed in',
        scope: 'read',
        body: Type.Object(
          {
            ...questionFields,
            seen: Type.Optional(seen),
            actions: Type.Array(sessionAction, { maxItems: 200 }),
          },
          closed,
        ),
        bodyBytesMax: BODY_BYTES_MAX,
        answers: { 200: json('The list', recommendationList), ...bodyRefusals },
      },
      async ({ body: asked, key, startedAt }) => {
        const { body, source } = await recommender.session({
          ...questionOf(asked, key, startedAt),
          seen: asked.seen ?? null,
          actions: asked.actions.map((action) => ({
            movieId: action.movie_id,
            action: action.action,
            value: action.value ?? null,
            at: action.occurred_at ?? null,
          })),
        });
        return { body, source, cache: PERSONAL };
      },
    ),
    defineRoute(
      {
        method: 'GET',
        path: '/v1/movies/{id}/similar',
        operationId: 'getSimilar',
        tag: 'recommendations',
        summary: 'Movies like a movie',
        scope: 'read',
        params: Type.Object({ id: movieId }, closed),
        query: Type.Object({ ...questionFields, user: Type.Optional(userId) }, closed),
        answers: { 200: json('The list', recommendationList), ...refusals, ...notFound },
      },
      async ({ params, query, key, startedAt }) => {
        const user = optionalUser(query.user, key);
        const answer = await recommender.similar({
          ...questionOf(query, key, startedAt),
          movieId: params.id,
          userId: user,
        });
        return shared(answer, user);
      },
    ),
    defineRoute(
      {
        method: 'GET',
        path: '/v1/popular',
        operationId: 'getPopular',
        tag: 'recommendations',
        summary: 'What is popular',
        scope: 'read',
        query: Type.Object({ ...questionFields, user: Type.Optional(userId) }, closed),
        answers: { 200: json('The list', recommendationList), ...refusals },
      },
      async ({ query, key, startedAt }) => {
        const user = optionalUser(query.user, key);
        const answer = await recommender.popular({
          ...questionOf(query, key, startedAt),
          userId: user,
        });
        return shared(answer, user);
      },
    ),
  ];
}

function optionalUser(id: string | undefined, key: ApiKey | null): string | null {
  return id === undefined ? null : userOf(id, key, 'user');
}

/** A list for nobody in particular may be kept for a minute; the key is not part of the answer. */
function shared({ body, source }: Answer, userId: string | null): RouteReply {
  return { body, source, cache: userId === null ? SHARED : PERSONAL };
}

function explainRoute(recommender: Recommender): Route {
  return defineRoute(
    {
      method: 'GET',
      path: '/v1/explain/{request_id}',
      operationId: 'explain',
      tag: 'recommendations',
      summary: 'How a list that was served came about',
      description: 'With a key that is bound to a user: of lists for that user alone.',
      scope: 'read',
      params: Type.Object({ request_id: requestId }, closed),
      answers: { 200: json('The explanation', explanation), ...refusals, ...notFound },
    },
    async ({ params, key }) => {
      const answer = await recommender.explain(params.request_id.toLowerCase());
      // Whether a list of somebody else exists is not told either.
      if (answer === null || (key !== null && !isOf(answer.body, key)))
        throw new ApiProblem('not_found', 'no list with that request_id is known', {
          field: 'request_id',
        });
      return { body: answer.body, cache: PERSONAL };
    },
  );
}

function isOf(body: Buffer, key: ApiKey): boolean {
  if (key.userId === null) return true;
  const { user_id: user } = JSON.parse(body.toString('utf8')) as { readonly user_id?: unknown };
  return user === key.userId;
}
