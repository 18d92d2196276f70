import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { formatCount } from '../terminal/format.ts';
import { createProgress } from '../terminal/progress.ts';
import { runStage } from './stage.ts';

interface Listed extends Record<string, unknown> {
  readonly version: string;
  readonly status: string;
  readonly reason: string | null;
  readonly started: number;
  readonly seconds: number | null;
  readonly users: number | null;
  readonly ndcg: number | null;
  readonly popularity: number | null;
  readonly recall: number | null;
  readonly coverage: number | null;
  readonly rmse: number | null;
  readonly loaded: boolean;
  readonly active: boolean;
}

const LISTED = `
  SELECT l.model_version AS version, l.status, l.reason,
         (extract(epoch FROM l.started_at) * 1000)::bigint AS started,
         extract(epoch FROM l.finished_at - l.started_at)::float8 AS seconds,
         l.users, l.ndcg_at_10 AS ndcg, l.popularity_ndcg_at_10 AS popularity,
         l.recall_at_50 AS recall, l.coverage_at_10 AS coverage, l.rmse,
         v.model_version IS NOT NULL AS loaded, a.model_version IS NOT NULL AS active
    FROM model_performance_logs AS l
    LEFT JOIN model_versions AS v USING (model_version)
    LEFT JOIN active_model AS a USING (model_version)
   ORDER BY l.run_id DESC`;

const ask = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
  withSession(loadConfig().postgres.writerUrl, 'model', work);

/** The command `marquee model ls`. */
export async function modelList(json: boolean): Promise<void> {
  const rows = await ask((session) => session.query<Listed>(LISTED));
  if (json) {
    printJson(rows);
    return;
  }
  if (rows.length === 0) {
    print('no model yet: marquee batch run');
    return;
  }
  print(
    table(
      [
        ...['version', 'status', ''].map(left),
        ...['users', 'NDCG@10', 'popular', 'recall@50', 'cover@10', 'RMSE', 'took'].map(right),
      ],
      rows.map((row) => [
        row.version,
        row.status,
        row.active ? 'serves' : row.loaded ? 'loaded' : '',
        row.users === null ? '-' : formatCount(row.users),
        ...[row.ndcg, row.popularity, row.recall, row.coverage, row.rmse].map(four),
        row.seconds === null ? '-' : `${row.seconds.toFixed(0)} s`,
      ]),
    ),
  );
}

const four = (value: number | null): string => (value === null ? '-' : value.toFixed(4));

/** The command `marquee model show`. */
export async function modelShow(version: string | null, json: boolean): Promise<void> {
  const found = await ask(async (session) => {
    const wanted = version ?? (await activeVersion(session));
    if (wanted === null)
      throw new MarqueeError('MARQUEE_MODEL_UNKNOWN', 'no model serves yet: marquee batch run');
    const [row] = await session.query<{ row: Record<string, unknown> }>(
      `SELECT to_jsonb(l) || jsonb_build_object(
                'loaded_at', v.loaded_at, 'serves_since', a.since,
                'promotions', (SELECT coalesce(jsonb_agg(p ORDER BY p.id), '[]') FROM model_promotions p
                                WHERE p.model_version = l.model_version)) AS row
         FROM model_performance_logs AS l
         LEFT JOIN model_versions AS v USING (model_version)
         LEFT JOIN active_model AS a USING (model_version)
        WHERE l.model_version = $1`,
      [wanted],
    );
    if (row === undefined) throw unknown(wanted);
    return row.row;
  });
  if (json) {
    printJson(found);
    return;
  }
  for (const [name, value] of Object.entries(found)) {
    if (value === null) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    print(`${name.padEnd(26)} ${text}`);
  }
}

const unknown = (version: string): MarqueeError =>
  new MarqueeError(
    'MARQUEE_MODEL_UNKNOWN',
    `there is no model ${version}: marquee model ls shows which there are`,
  );

async function activeVersion(session: Session): Promise<string | null> {
  const [row] = await session.query<{ version: string }>(
    'SELECT model_version AS version FROM active_model',
  );
  return row?.version ?? null;
}

/** The command `marquee model promote`. */
export async function modelPromote(version: string): Promise<void> {
  await ask((session) => promote(session, version, 'by hand'));
}

async function promote(session: Session, version: string, reason: string): Promise<void> {
  const [row] = await session.query<{ loaded: boolean }>(
    `SELECT EXISTS (SELECT FROM model_versions v WHERE v.model_version = l.model_version) AS loaded
       FROM model_performance_logs l WHERE l.model_version = $1`,
    [version],
  );
  if (row === undefined) throw unknown(version);
  if (!row.loaded)
    throw new MarqueeError(
      'MARQUEE_MODEL_NOT_LOADED',
      `model ${version} is not in Postgres: marquee model load ${version}, if the store has it still`,
    );
  const [before] = await session.query<{ previous: string | null }>(
    'SELECT promote_model($1, $2) AS previous',
    [version, reason],
  );
  const previous = before?.previous ?? null;
  print(
    previous === version
      ? `${version} served already`
      : `${version} serves now${previous === null ? '' : `, ${previous} did before`}`,
  );
}

/** The command `marquee model rollback`: to what served before the active version was promoted. */
export async function modelRollback(): Promise<void> {
  await ask(async (session) => {
    const [target] = await session.query<{ version: string | null }>(
      'SELECT rollback_target() AS version',
    );
    const version = target?.version ?? null;
    if (version === null)
      throw new MarqueeError(
        'MARQUEE_MODEL_UNKNOWN',
        'no model that is still loaded served before this one: marquee model ls, and promote one',
      );
    await promote(session, version, 'rollback');
  });
}

/** The command `marquee model load`. */
export async function modelLoad(version: string): Promise<void> {
  const progress = createProgress(process.stderr);
  try {
    const config = loadConfig();
    const { loaded } = await runStage<{ loaded: boolean }>(
      config,
      { command: 'load', version },
      progress,
    );
    print(
      loaded
        ? `${version} is loaded: marquee model promote ${version}`
        : `${version} was loaded already`,
    );
  } finally {
    progress.close();
  }
}
