import type { Session } from '../../../connectors/postgres/session.ts';
import type { ApiKey, Scope } from './api-key.ts';

interface Row {
  readonly key_id: string;
  readonly secret_sha256: Buffer;
  readonly scopes: Scope[];
  readonly app: string;
  readonly user_id: string | null;
  readonly requests_per_second: number | null;
  readonly created_at: Date;
  readonly withdrawn_at: Date | null;
  readonly changed_at: Date;
  readonly note: string;
}

/** A change is visible at its COMMIT, which may be this much later than its time. */
const OVERLAP = '1 minute';

/** The keys that changed since then, withdrawn ones too; all with null. Ordered by their change. */
export async function readKeys(session: Session, sinceMs: number | null): Promise<ApiKey[]> {
  const rows = await session.query<Row>(
    `SELECT * FROM api_keys
      WHERE $1::timestamptz IS NULL OR changed_at >= $1::timestamptz - interval '${OVERLAP}'
      ORDER BY changed_at, key_id`,
    [sinceMs === null ? null : new Date(sinceMs)],
  );
  return rows.map(keyOf);
}

export async function insertKey(
  session: Session,
  key: Pick<
    ApiKey,
    'keyId' | 'secretSha256' | 'scopes' | 'app' | 'userId' | 'requestsPerSecond' | 'note'
  >,
): Promise<void> {
  await session.execute(
    `INSERT INTO api_keys
       (key_id, secret_sha256, scopes, app, user_id, requests_per_second, note)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [key.keyId, key.secretSha256, key.scopes, key.app, key.userId, key.requestsPerSecond, key.note],
  );
}

/** The key as it is after; null when there is none with that id. A second time changes nothing. */
export async function withdrawKey(session: Session, keyId: string): Promise<ApiKey | null> {
  await session.execute(
    `UPDATE api_keys SET withdrawn_at = clock_timestamp(), changed_at = clock_timestamp()
      WHERE key_id = $1 AND withdrawn_at IS NULL`,
    [keyId],
  );
  const [row] = await session.query<Row>('SELECT * FROM api_keys WHERE key_id = $1', [keyId]);
  return row === undefined ? null : keyOf(row);
}

function keyOf(row: Row): ApiKey {
  return {
    keyId: row.key_id,
    secretSha256: row.secret_sha256,
    scopes: row.scopes,
    app: row.app,
    userId: row.user_id,
    requestsPerSecond: row.requests_per_second,
    createdAtMs: row.created_at.getTime(),
    withdrawnAtMs: row.withdrawn_at?.getTime() ?? null,
    changedAtMs: row.changed_at.getTime(),
    note: row.note,
  };
}
