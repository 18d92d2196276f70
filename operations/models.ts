import { MarqueeError } from '../common/error.ts';
import type { Session } from '../connectors/postgres/session.ts';

/** One run of the batch stage, and its model. */
export interface ModelRun extends Record<string, unknown> {
  readonly version: string;
  readonly status: string;
  readonly reason: string | null;
  /** Epoch ms. */
  readonly started: number;
  readonly seconds: number | null;
  readonly users: number | null;
  readonly ndcg: number | null;
  readonly popularity: number | null;
  readonly recall: number | null;
  readonly coverage: number | null;
  readonly rmse: number | null;
  /** What lists are ranked by: item_item, blend (with popularity) or popularity. */
  readonly kind: string | null;
  /** NDCG@10 of live lists: at the cut, within a visit, and back after an hour. */
  readonly live: number | null;
  readonly visit: number | null;
  readonly pause: number | null;
  /** The same two without the order of actions. */
  readonly visitUnordered: number | null;
  readonly pauseUnordered: number | null;
  /** What the nightly lists are like: the comments of model_performance_logs have the formulas. */
  readonly gini: number | null;
  readonly headShare: number | null;
  readonly popularityLift: number | null;
  readonly novelty: number | null;
  readonly diversity: number | null;
  readonly miscalibration: number | null;
  readonly topShare: number | null;
  /** In Postgres. */
  readonly loaded: boolean;
  /** The one that serves. */
  readonly active: boolean;
}

const MODEL_RUNS = `
  SELECT l.model_version AS version, l.status, l.reason,
         (extract(epoch FROM l.started_at) * 1000)::bigint AS started,
         extract(epoch FROM l.finished_at - l.started_at)::float8 AS seconds,
         l.users, l.ndcg_at_10 AS ndcg, l.popularity_ndcg_at_10 AS popularity,
         l.recall_at_50 AS recall, l.coverage_at_10 AS coverage, l.rmse, l.kind,
         l.live_ndcg_at_10 AS live, l.visit_ndcg_at_10 AS visit, l.pause_ndcg_at_10 AS pause,
         l.visit_unordered_ndcg_at_10 AS "visitUnordered",
         l.pause_unordered_ndcg_at_10 AS "pauseUnordered",
         l.gini_at_10 AS gini, l.head_share_at_10 AS "headShare",
         l.popularity_lift_at_10 AS "popularityLift", l.novelty_at_10 AS novelty,
         l.diversity_at_10 AS diversity, l.miscalibration_at_10 AS miscalibration,
         l.top_1_share AS "topShare",
         v.model_version IS NOT NULL AS loaded, a.model_version IS NOT NULL AS active
    FROM model_performance_logs AS l
    LEFT JOIN model_versions AS v USING (model_version)
    LEFT JOIN active_model AS a USING (model_version)
   ORDER BY l.run_id DESC`;

/** The newest first. */
export function listModels(session: Session): Promise<ModelRun[]> {
  return session.query<ModelRun>(MODEL_RUNS);
}

/**
 * All that is known of a version; of the one that serves when none is named. Throws
 * MARQUEE_MODEL_UNKNOWN.
 */
export async function readModel(
  session: Session,
  version: string | null,
): Promise<Readonly<Record<string, unknown>>> {
  const wanted = version ?? (await activeVersion(session));
  if (wanted === null)
    throw new MarqueeError('MARQUEE_MODEL_UNKNOWN', 'no model serves yet: marquee batch run');
  const [row] = await session.query<{ model: Record<string, unknown> }>(
    `SELECT to_jsonb(l) || jsonb_build_object(
              'loaded_at', v.loaded_at, 'serves_since', a.since,
              'promotions', (SELECT coalesce(jsonb_agg(p ORDER BY p.id), '[]')
                               FROM model_promotions p
                              WHERE p.model_version = l.model_version)) AS model
       FROM model_performance_logs AS l
       LEFT JOIN model_versions AS v USING (model_version)
       LEFT JOIN active_model AS a USING (model_version)
      WHERE l.model_version = $1`,
    [wanted],
  );
  if (row === undefined) throw unknownModel(wanted);
  return row.model;
}

async function activeVersion(session: Session): Promise<string | null> {
  const [row] = await session.query<{ version: string }>(
    'SELECT model_version AS version FROM active_model',
  );
  return row?.version ?? null;
}

export interface Promotion {
  readonly version: string;
  /** The version that served before: the same one where nothing changed, null where none did. */
  readonly previous: string | null;
}

/**
 * Makes a loaded version the one that serves, at once; `reason` is kept. Throws
 * MARQUEE_MODEL_UNKNOWN and MARQUEE_MODEL_NOT_LOADED.
 */
export async function promoteModel(
  session: Session,
  version: string,
  reason: string,
): Promise<Promotion> {
  const [row] = await session.query<{ loaded: boolean }>(
    `SELECT EXISTS (SELECT FROM model_versions v
                     WHERE v.model_version = l.model_version) AS loaded
       FROM model_performance_logs l WHERE l.model_version = $1`,
    [version],
  );
  if (row === undefined) throw unknownModel(version);
  if (!row.loaded)
    throw new MarqueeError(
      'MARQUEE_MODEL_NOT_LOADED',
      `model ${version} is not in Postgres: marquee model load ${version}, if the store has it still`,
    );
  const [before] = await session.query<{ previous: string | null }>(
    'SELECT promote_model($1, $2) AS previous',
    [version, reason],
  );
  return { version, previous: before?.previous ?? null };
}

/** Promotes the version that served before the active one. Throws MARQUEE_MODEL_UNKNOWN. */
export async function rollBackModel(session: Session): Promise<Promotion> {
  const [target] = await session.query<{ version: string | null }>(
    'SELECT rollback_target() AS version',
  );
  const version = target?.version ?? null;
  if (version === null)
    throw new MarqueeError(
      'MARQUEE_MODEL_UNKNOWN',
      'no model that is still loaded served before this one: marquee model ls, and promote one',
    );
  return promoteModel(session, version, 'rollback');
}

function unknownModel(version: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_MODEL_UNKNOWN',
    `there is no model ${version}: marquee model ls shows which there are`,
  );
}
