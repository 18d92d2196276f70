import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jsonOfValue } from '../../connectors/duckdb/values.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { EventsView } from '../../archive/query/events-view.ts';

export type EventRow = Record<string, unknown>;

/** All rows of a statement, each as an object of JSON values. */
export async function ask(view: EventsView, statement: string): Promise<EventRow[]> {
  const { columns, pieces } = await view.stream(statement);
  const rows: EventRow[] = [];
  for await (const piece of pieces)
    for (const row of piece)
      rows.push(
        Object.fromEntries(
          columns.map(({ name }, i) => [name, JSON.parse(jsonOfValue(row[i] ?? null)) as unknown]),
        ),
      );
  return rows;
}

/** The hot table as the view has its rows, by id. */
export async function readHotRows(session: Session): Promise<EventRow[]> {
  const rows = await session.query(
    `SELECT event_id::text, user_id, action, movie_id, value, occurred_at, received_at, session_id,
            request_id::text, position, device, app, app_version, properties,
            'user-actions.v1' AS kafka_topic, kafka_partition, kafka_offset,
            (occurred_at AT TIME ZONE 'UTC')::date::text AS date
       FROM rt_user_interactions ORDER BY event_id`,
  );
  return plainTimes(rows);
}

/** Times with three digits of a second, as JavaScript has them. */
export const plainTimes = (rows: readonly EventRow[]): EventRow[] =>
  rows.map((row) => ({
    ...row,
    occurred_at: new Date(row['occurred_at'] as string | Date).toISOString(),
    received_at: new Date(row['received_at'] as string | Date).toISOString(),
  }));

export interface CountingProxy {
  readonly url: string;
  /** `GET /bucket/name` of each request since the last call. */
  taken(): string[];
  close(): Promise<void>;
}

/** Stands between a reader and an S3 store, and notes what is asked for. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const to = new URL(target);
  let seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method ?? ''} ${decodeURIComponent(incoming.url ?? '')}`);
    // The Host that was signed goes on as it is.
    const onward = request(
      {
        host: to.hostname,
        port: to.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    taken() {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
