import type { RecommendationServeRecord, RecommendationServeSource } from './generated/types.ts';
import { RECOMMENDATION_SERVE_SOURCE_VALUES } from './generated/types.ts';
import { RECOMMENDATION_SERVE_TEXT as TEXT } from './limits.ts';
import { idTimeProblem, isMovieId, problem, propertiesProblem, textProblem } from './problem.ts';
import type { Problem } from './problem.ts';

export type ServeSource = RecommendationServeSource;

export const SERVE_SOURCES: readonly ServeSource[] = RECOMMENDATION_SERVE_SOURCE_VALUES;
const MOVIES_MAX = 1000;

/** Checks a serve whose fields have the schema's types: null, or the first field at fault. */
export function validateRecommendationServe(serve: RecommendationServeRecord): Problem | null {
  return (
    textProblem('user_id', serve.user_id, TEXT.user_id) ??
    idTimeProblem('request_id', serve.request_id, 'served_at', serve.served_at) ??
    sourceProblem(serve.source) ??
    textProblem('algorithm', serve.algorithm, TEXT.algorithm) ??
    textProblem('model_version', serve.model_version, TEXT.model_version) ??
    textProblem('surface', serve.surface, TEXT.surface) ??
    listProblem(serve) ??
    latencyProblem(serve.latency_ms) ??
    textProblem('app', serve.app, TEXT.app) ??
    propertiesProblem(serve.properties)
  );
}

function sourceProblem(source: string): Problem | null {
  if ((SERVE_SOURCES as readonly string[]).includes(source)) return null;
  const name = JSON.stringify(source.slice(0, 64));
  return problem('source', 'out_of_range', `is ${name}: none of ${SERVE_SOURCES.join(', ')}`);
}

function listProblem(serve: RecommendationServeRecord): Problem | null {
  const { movie_ids: ids, scores } = serve;
  if (ids.length > MOVIES_MAX) {
    const many = `has ${ids.length} movies, at most ${MOVIES_MAX}`;
    return problem('movie_ids', 'out_of_range', many);
  }
  const badId = ids.find((id) => !isMovieId(id));
  if (badId !== undefined) {
    return problem('movie_ids', 'out_of_range', `holds ${badId}: not a whole number from 1`);
  }
  if (scores.length !== 0 && scores.length !== ids.length) {
    const lengths = `${scores.length} numbers for ${ids.length} movies`;
    return problem('scores', 'out_of_range', `has ${lengths}: as many, or none`);
  }
  const badScore = scores.find((score) => !Number.isFinite(score));
  if (badScore === undefined) return null;
  return problem('scores', 'out_of_range', `holds ${badScore}`);
}

function latencyProblem(latencyMs: number | null): Problem | null {
  if (latencyMs === null || (latencyMs >= 0 && latencyMs < Infinity)) return null;
  return problem('latency_ms', 'out_of_range', `is ${latencyMs}: not a time from 0`);
}
