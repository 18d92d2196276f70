import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { FLOAT8_OID, INT8_OID, TEXT_OID } from '../../connectors/postgres/oids.ts';
import type { RecommendationServeRecord } from '../../schemas/generated/types.ts';
import {
  recommendationServeKey,
  validateRecommendationServe,
} from '../../schemas/recommendation-serve.ts';
import type { Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/**
 * recommendation-serves.v1: every serve. Keyed by user_id, or by the request where nobody was signed
 * in; the id's time is the serve's.
 */
export const recommendationServes: Source<RecommendationServeRecord> = {
  topic: 'recommendation-serves.v1',
  tombstones: false,
  check(event, record) {
    const problem = validateRecommendationServe(event);
    if (problem !== null) return { reason: problem.reason, detail: problem.message };
    const field = event.user_id === null ? 'request_id' : 'user_id';
    return keyFault(record.key, recommendationServeKey(event), field);
  },
  fromTombstone: () => ({ reason: 'null_value', detail: 'the value is null' }),
  id: (event) => event.request_id,
  timeMs: (event) => event.served_at,
  app: (event) => event.app,
  contentColumns: [
    'request_id',
    'served_at',
    'latency_ms',
    'user_id',
    'source',
    'algorithm',
    'model_version',
    'surface',
    'app',
    'movie_ids',
    'scores',
    'properties',
    'surface_version',
    'experiment',
    'arm',
    'after_request_id',
    'first_position',
    'reasons',
    'propensities',
    'steps',
  ],
  writeContent(out, event) {
    out.raw(event.request_id);
    out.timestamptz(event.served_at);
    out.float8(event.latency_ms);
    out.text(event.user_id);
    out.text(event.source);
    out.text(event.algorithm);
    out.text(event.model_version);
    out.text(event.surface);
    out.text(event.app);
    out.array(INT8_OID, event.movie_ids, (id) => {
      out.int8(id);
    });
    out.array(FLOAT8_OID, event.scores, (score) => {
      out.float8(score);
    });
    out.jsonb(jsonbOfMap(event.properties));
  },
  writeAdded(out, event) {
    out.text(event.surface_version);
    out.text(event.experiment);
    out.text(event.arm);
    out.raw(event.after_request_id);
    out.int4(event.first_position);
    out.array(TEXT_OID, event.reasons, (reason) => {
      out.text(reason);
    });
    out.array(FLOAT8_OID, event.propensities, (share) => {
      out.float8(share);
    });
    out.array(TEXT_OID, event.steps, (step) => {
      out.text(step);
    });
    return !isOfVersion1(event);
  },
};

/** True of a serve that says nothing that version 1 of its schema could not say. */
function isOfVersion1(event: RecommendationServeRecord): boolean {
  return (
    event.surface_version === null &&
    event.experiment === null &&
    event.arm === null &&
    event.after_request_id === null &&
    event.first_position === 1 &&
    event.reasons.length === 0 &&
    event.propensities.length === 0 &&
    event.steps.length === 0
  );
}
