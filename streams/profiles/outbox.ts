import type { OutboxRelayStep } from '../runtime/processor.ts';

interface OutboxRow extends Record<string, unknown> {
  id: number;
  user_ids: string[];
  versions: string[];
  changed_ms: number;
}

/**
 * Publishes profile-changes.v1 and deletes what Kafka acknowledged. A crash between the two sends a
 * change twice; its version says so.
 */
export const relayProfileChanges: OutboxRelayStep = (session, publish) =>
  session.transaction(async () => {
    const rows = await session.query<OutboxRow>(
      `SELECT id, user_ids, versions, (extract(epoch FROM changed_at) * 1000)::bigint AS changed_ms
       FROM profile_outbox ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED`,
    );
    if (rows.length === 0) return 0;
    await publish('profile-changes.v1', rows.flatMap(toMessages));
    await session.execute('DELETE FROM profile_outbox WHERE id = ANY($1::bigint[])', [
      rows.map((row) => row.id),
    ]);
    return rows.length;
  });

function toMessages(row: OutboxRow) {
  return row.user_ids.map((userId, i) => ({
    key: userId,
    value: {
      user_id: userId,
      profile_version: Number(row.versions[i]),
      changed_at: row.changed_ms,
    },
  }));
}
