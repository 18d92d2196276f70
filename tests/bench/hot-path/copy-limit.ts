import type { System } from './system.ts';
import { COLUMNS, createPeerTable, quoted } from './table.ts';

/**
 * The limit: Postgres reads the same rows from files of its own disk by binary COPY, in order of
 * time, 100,000 rows a transaction, into a table with the same columns, key and partitions. No
 * Kafka, no decoding, no client.
 */
export function copyLimit(workers: 1 | 2): System {
  const table = { schema: 'bench', table: `copy_${String(workers)}` };
  return {
    name: workers === 1 ? 'COPY' : 'COPY, two workers',
    description:
      'server-side COPY (FORMAT binary) from files, 100,000 rows a transaction, ' +
      (workers === 1 ? 'one session' : 'two sessions side by side'),
    table,
    reset: (context) => createPeerTable(context, table),
    async start({ stack, load }) {
      const sessions = await Promise.all(Array.from({ length: workers }, () => stack.connect()));
      const ended = Promise.all(
        sessions.map(async (sql, worker) => {
          const mine = load.copyFiles.filter((_, at) => at % workers === worker);
          for (const file of mine) {
            await sql.query(
              `COPY ${quoted(table)} (${COLUMNS.join(', ')}) FROM '${file}' (FORMAT binary)`,
            );
          }
        }),
      ).then(() => undefined);
      ended.catch(() => undefined);
      return {
        pid: null,
        ended,
        async stop() {
          await Promise.all(sessions.map((sql) => sql.end()));
        },
      };
    },
  };
}
