import type { Message, Outbox } from '../runtime/declared.ts';

interface OutboxRow extends Record<string, unknown> {
  id: number;
  user_ids: string[];
  versions: string[];
  changed_ms: number;
}

/**
 * The table profile_outbox: a row is deleted once Kafka acknowledged its changes. A crash between
 * the two sends a change twice; its version says so.
 */
export const profileOutbox: Outbox<'profile-changes.v1'> = {
  topic: 'profile-changes.v1',
  relay: (session, publish) =>
    session.transaction(async () => {
      const rows = await session.query<OutboxRow>(
        `SELECT id, user_ids, versions,
           (extract(epoch FROM changed_at) * 1000)::bigint AS changed_ms
         FROM profile_outbox ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED`,
      );
      if (rows.length === 0) return 0;
      await publish(rows.flatMap(toMessages));
      await session.execute('DELETE FROM profile_outbox WHERE id = ANY($1::bigint[])', [
        rows.map((row) => row.id),
      ]);
      return rows.length;
    }),
};

function toMessages(row: OutboxRow): Message<'profile-changes.v1'>[] {
  return row.user_ids.map((userId, i) => ({
    key: userId,
    value: {
      user_id: userId,
      profile_version: Number(row.versions[i]),
      changed_at: row.changed_ms,
    },
  }));
}
