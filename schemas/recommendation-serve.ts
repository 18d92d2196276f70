import { formatUuid, isUuidv7 } from '../common/uuid.ts';
import type { RecommendationServeRecord, RecommendationServeSource } from './generated/types.ts';
import { RECOMMENDATION_SERVE_SOURCE_VALUES } from './generated/types.ts';
import {
  RECOMMENDATION_SERVE_LISTS as LISTS,
  RECOMMENDATION_SERVE_TEXT as TEXT,
} from './limits.ts';
import { idTimeProblem, isMovieId, problem, propertiesProblem, textProblem } from './problem.ts';
import type { Problem } from './problem.ts';

export type ServeSource = RecommendationServeSource;

export const SERVE_SOURCES: readonly ServeSource[] = RECOMMENDATION_SERVE_SOURCE_VALUES;
const INT_MAX = 2 ** 31 - 1;

/** The key of a serve's record: whom it was for, or for somebody unknown the request itself. */
export function recommendationServeKey(
  serve: Pick<RecommendationServeRecord, 'user_id' | 'request_id'>,
): string {
  return serve.user_id ?? formatUuid(serve.request_id);
}

/** Checks a serve whose fields have the schema's types: null, or the first field at fault. */
export function validateRecommendationServe(serve: RecommendationServeRecord): Problem | null {
  return (
    textProblem('user_id', serve.user_id, TEXT.user_id) ??
    idTimeProblem('request_id', serve.request_id, 'served_at', serve.served_at) ??
    sourceProblem(serve.source) ??
    textProblem('algorithm', serve.algorithm, TEXT.algorithm) ??
    textProblem('model_version', serve.model_version, TEXT.model_version) ??
    textProblem('surface', serve.surface, TEXT.surface) ??
    moviesProblem(serve) ??
    latencyProblem(serve.latency_ms) ??
    textProblem('app', serve.app, TEXT.app) ??
    propertiesProblem(serve.properties) ??
    textProblem('surface_version', serve.surface_version, TEXT.surface_version) ??
    textProblem('experiment', serve.experiment, TEXT.experiment) ??
    textProblem('arm', serve.arm, TEXT.arm) ??
    pageProblem(serve) ??
    reasonsProblem(serve) ??
    propensitiesProblem(serve) ??
    stepsProblem(serve.steps)
  );
}

function sourceProblem(source: string): Problem | null {
  if ((SERVE_SOURCES as readonly string[]).includes(source)) return null;
  const name = JSON.stringify(source.slice(0, 64));
  return problem('source', 'out_of_range', `is ${name}: none of ${SERVE_SOURCES.join(', ')}`);
}

function moviesProblem(serve: RecommendationServeRecord): Problem | null {
  const { movie_ids: ids, scores } = serve;
  if (ids.length > LISTS.moviesMax) {
    const many = `has ${ids.length} movies, at most ${LISTS.moviesMax}`;
    return problem('movie_ids', 'out_of_range', many);
  }
  const badId = ids.find((id) => !isMovieId(id));
  if (badId !== undefined) {
    return problem('movie_ids', 'out_of_range', `holds ${badId}: not a whole number from 1`);
  }
  const badScore = scores.find((score) => !Number.isFinite(score));
  if (badScore !== undefined) return problem('scores', 'out_of_range', `holds ${badScore}`);
  return lengthProblem('scores', 'numbers', serve);
}

/** A list beside movie_ids says something of each movie, or nothing. */
function lengthProblem(
  field: 'scores' | 'reasons' | 'propensities',
  what: string,
  serve: RecommendationServeRecord,
): Problem | null {
  const length = serve[field].length;
  const movies = serve.movie_ids.length;
  if (length === 0 || length === movies) return null;
  const lengths = `${length} ${what} for ${movies} movies`;
  return problem(field, 'out_of_range', `has ${lengths}: as many, or none`);
}

function latencyProblem(latencyMs: number | null): Problem | null {
  if (latencyMs === null || (latencyMs >= 0 && latencyMs < Infinity)) return null;
  return problem('latency_ms', 'out_of_range', `is ${latencyMs}: not a time from 0`);
}

function pageProblem(serve: RecommendationServeRecord): Problem | null {
  const { after_request_id: after, first_position: first } = serve;
  if (after !== null && !isUuidv7(after)) {
    return problem('after_request_id', 'id_not_v7', 'is not a UUID of version 7');
  }
  if (Number.isInteger(first) && first >= 1 && first <= INT_MAX) return null;
  return problem('first_position', 'out_of_range', `is ${first}: not a whole number from 1`);
}

function reasonsProblem(serve: RecommendationServeRecord): Problem | null {
  const found = lengthProblem('reasons', 'texts', serve);
  if (found !== null) return found;
  return textsProblem('reasons', serve.reasons, TEXT.reasons);
}

function propensitiesProblem(serve: RecommendationServeRecord): Problem | null {
  const bad = serve.propensities.find((share) => !(share > 0 && share <= 1));
  if (bad === undefined) return lengthProblem('propensities', 'numbers', serve);
  return problem('propensities', 'out_of_range', `holds ${bad}: not above 0 and at most 1`);
}

function stepsProblem(steps: readonly string[]): Problem | null {
  if (steps.length > LISTS.stepsMax) {
    return problem('steps', 'out_of_range', `has ${steps.length} texts, at most ${LISTS.stepsMax}`);
  }
  return textsProblem('steps', steps, TEXT.steps);
}

function textsProblem(
  field: 'reasons' | 'steps',
  texts: readonly string[],
  limit: (typeof TEXT)[typeof field],
): Problem | null {
  for (const [index, text] of texts.entries()) {
    const found = textProblem(`${field}[${index}]`, text, limit);
    if (found !== null) return { ...found, field };
  }
  return null;
}
