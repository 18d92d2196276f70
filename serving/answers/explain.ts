import { parseUuid } from '../../common/uuid.ts';
import type { Catalogue } from '../ranking/catalogue.ts';
import type { AnswerContext } from './context.ts';
import type { Explanation } from './recommender.ts';
import { meaningOf } from './said.ts';

interface Logged extends Record<string, unknown> {
  userId: string | null;
  servedMs: number;
  source: string;
  algorithm: string;
  modelVersion: string | null;
  surface: string | null;
  surfaceVersion: string | null;
  firstPosition: number;
  movieIds: readonly number[];
  scores: readonly number[];
  reasons: readonly string[];
  propensities: readonly number[];
  steps: readonly string[];
}

const LOGGED = `
  SELECT user_id AS "userId", (extract(epoch FROM served_at) * 1000)::bigint AS "servedMs", source,
         algorithm, model_version AS "modelVersion", surface, surface_version AS "surfaceVersion",
         first_position AS "firstPosition", movie_ids AS "movieIds", scores, reasons, propensities,
         steps
    FROM recommendation_logs WHERE request_id = $1::uuid`;

/**
 * Why these movies in this order, and why no earlier step of the chain gave the list. From this process's
 * memory, else from the serve log. Null for a request that neither knows.
 */
export async function explain(
  context: AnswerContext,
  requestId: string,
): Promise<Explanation | null> {
  const logged = recentServe(context, requestId) ?? (await loggedServe(context, requestId));
  if (logged === null) return null;
  const catalogue = context.options.state.sources()?.catalogue ?? null;
  return {
    body: Buffer.from(
      JSON.stringify({
        request_id: requestId,
        user_id: logged.userId,
        served_at: new Date(logged.servedMs).toISOString(),
        surface: logged.surface,
        surface_version: logged.surfaceVersion,
        source: logged.source,
        algorithm: logged.algorithm,
        model_version: logged.modelVersion,
        steps: logged.steps.map((said) => ({ said, means: meaningOf(said) })),
        items: logged.movieIds.map((movieId, i) => ({
          movie_id: movieId,
          position: logged.firstPosition + i,
          title: titleOf(catalogue, movieId),
          score: logged.scores[i] ?? null,
          propensity: logged.propensities[i] ?? 1,
          reason: logged.reasons[i] ?? null,
          because: sentence(catalogue, logged.reasons[i] ?? ''),
        })),
      }),
    ),
  };
}

function recentServe({ options }: AnswerContext, requestId: string): Logged | null {
  const id = parseUuid(requestId);
  const serve = id === null ? null : options.served(id);
  if (serve === null) return null;
  return {
    userId: serve.user_id,
    servedMs: serve.served_at,
    source: serve.source,
    algorithm: serve.algorithm,
    modelVersion: serve.model_version,
    surface: serve.surface,
    surfaceVersion: serve.surface_version,
    firstPosition: serve.first_position,
    movieIds: serve.movie_ids,
    scores: serve.scores,
    reasons: serve.reasons,
    propensities: serve.propensities,
    steps: serve.steps,
  };
}

async function loggedServe(
  { postgresGuard, options }: AnswerContext,
  requestId: string,
): Promise<Logged | null> {
  const asked = await postgresGuard.ask(() =>
    options.state.pool.query<Logged>(LOGGED, [requestId]),
  );
  return asked.kind === 'got' ? (asked.value[0] ?? null) : null;
}

function titleOf(catalogue: Catalogue | null, movieId: number): string | null {
  return catalogue?.titles[catalogue.placeOf.get(movieId) ?? -1] ?? null;
}

function sentence(catalogue: Catalogue | null, reason: string): string {
  const [kind = '', movieId = ''] = reason.split(':');
  const title = titleOf(catalogue, Number(movieId)) ?? `movie ${movieId}`;
  switch (kind) {
    case 'because_you':
      return `What the user did with ${title} speaks for it most.`;
    case 'often_after':
      return `It is often watched after ${title}, one of the user's last.`;
    case 'fits_taste':
      return 'It is like what the user likes, by genres, tags and year.';
    case 'ranked_for_you':
      return 'The nightly run ranks it high for the user.';
    case 'popular':
      return 'Many like it.';
    case 'pinned':
      return 'The surface gives it this place.';
    case 'exploration':
      return 'It was drawn, to give a movie a chance that is little known.';
    default:
      return '';
  }
}
