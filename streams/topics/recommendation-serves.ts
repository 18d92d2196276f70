import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { FLOAT8_OID, INT8_OID } from '../../connectors/postgres/oids.ts';
import type { RecommendationServeRecord } from '../../schemas/generated/types.ts';
import { validateRecommendationServe } from '../../schemas/recommendation-serve.ts';
import type { Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/** recommendation-serves.v1: every serve. Keyed by user_id; the id's time is the serve's. */
export const recommendationServes: Source<RecommendationServeRecord> = {
  topic: 'recommendation-serves.v1',
  tombstones: false,
  check(event, record) {
    const problem = validateRecommendationServe(event);
    if (problem !== null) return { reason: problem.reason, detail: problem.message };
    return keyFault(record.key, event.user_id, 'user_id');
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
};
