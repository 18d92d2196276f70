import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession } from '../../../connectors/postgres/session.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { readExamples } from '../../../schemas/examples.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { createBatchDecoder } from '../../../streams/runtime/commit/decode-batch.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { createSchemaLoader } from '../../../streams/runtime/consume/schema-loader.ts';
import { DEFAULT_SETTINGS } from '../../../streams/runtime/settings.ts';
import { encodeExample } from '../../support/examples.ts';
import { localCodec, record } from '../../support/records.ts';
import { createDatabase } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';

let database: TestDatabase;
let session: Session;
beforeAll(async () => {
  database = await createDatabase();
  const writer = new URL(database.writerUrl);
  session = await openSession({
    url: writer.href,
    applicationName: 'store-test',
    searchPath: 'marquee, public',
  });
});
afterAll(async () => {
  await session.close();
  await database.close();
});

async function prepareExamples(processor: Processor, times = 1) {
  const { topic } = processor.source;
  const examples = await readExamples(topic);
  const repeated = Array.from({ length: times }, () => examples).flat();
  const records = repeated.map((e, offset) =>
    record(offset, e.key, encodeExample(e), e.receivedAt),
  );
  const decoder = createSchemaLoader<unknown>(localCodec().reader(topic));
  await decoder.load(records);
  const { decode } = createBatchDecoder(processor, decoder, DEFAULT_SETTINGS);
  return () => decode([{ partition: 0, from: 0, next: records.length, records }]);
}

async function tablesOf(processor: Processor): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const table of processor.tables)
    rows[table] = await session.query(`SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY 1`);
  return rows;
}

async function applyOnce(
  processor: Processor,
  decode: () => ReturnType<Awaited<ReturnType<typeof prepareExamples>>>,
) {
  const store = processor.createStore();
  const decoded = decode();
  await store.prepare(session, decoded.accepted);
  await session.execute('BEGIN');
  const resends = await store.apply(session, { events: decoded.accepted, rows: decoded.rows }, () =>
    Promise.resolve(),
  );
  await session.execute('COMMIT');
  return { resends: resends.length, events: decoded.accepted.length };
}

/** What others write elsewhere has tests of its own. */
const withTables = Object.values(PROCESSORS).filter(({ tables }) => tables.length > 0);

describe.each(withTables)('$name', (processor) => {
  test('of an event that a batch holds twice the first counts', async () => {
    const decode = await prepareExamples(processor, 2);
    const store = processor.createStore();
    const decoded = decode();
    await store.prepare(session, decoded.accepted);
    await session.execute('BEGIN');
    const change = { events: decoded.accepted, rows: decoded.rows };
    const resends = await store.apply(session, change, () => Promise.resolve());
    await session.execute('ROLLBACK');
    const half = decoded.accepted.length / 2;
    const second = Array.from({ length: half }, (_, i) => half + i);
    // Without ids of its own a store overwrites what it wrote before.
    const expected = processor.appliedIds === undefined ? [] : second;
    expect(resends.toSorted((x, y) => x - y)).toEqual(expected);
  });

  test('the same batch applied twice leaves the tables as they are', async () => {
    const decode = await prepareExamples(processor);
    const first = await applyOnce(processor, decode);
    expect(first).toMatchObject({ resends: 0 });
    expect(first.events).toBeGreaterThan(2);
    const before = await tablesOf(processor);
    const second = await applyOnce(processor, decode);
    if (processor.appliedIds !== undefined) expect(second.resends).toBe(second.events);
    expect(await tablesOf(processor)).toEqual(before);
  });
});

test('a row read back from rt_user_interactions has the bytes that the ledger hashed', async () => {
  const { source } = PROCESSORS['interactions'] as Processor;
  const decode = await prepareExamples(PROCESSORS['interactions'] as Processor);
  const decoded = decode();
  const columns = [...source.contentColumns, 'received_at', 'kafka_partition', 'kafka_offset'];
  const written = Buffer.from(decoded.rows?.take() ?? []);
  const list = columns.join(', ');
  await session.execute(
    `CREATE TEMPORARY TABLE written AS SELECT ${list} FROM rt_user_interactions WITH NO DATA`,
  );
  await session.copy(`written (${list})`, written);
  const differing = await session.query(
    `SELECT event_id
     FROM (SELECT ${list} FROM written EXCEPT SELECT ${list} FROM rt_user_interactions) d`,
  );
  expect(differing).toEqual([]);
  const [read] = await session.query<{ body: Buffer }>(
    `SELECT ${source.contentColumns
      .map((c) => `coalesce(int4send(length(${send(c)})) || ${send(c)}, '\\xffffffff')`)
      .join(' || ')} AS body FROM rt_user_interactions ORDER BY kafka_offset LIMIT 1`,
  );
  // Row 0: 19 bytes of signature, 2 of field count, then the content.
  expect(written.subarray(21, 21 + (read?.body.length ?? 0))).toEqual(read?.body);
});

test('a serve of version 1 has one row, stored before there were the columns of version 2 or after', async () => {
  const processor = PROCESSORS['serve-logs'] as Processor;
  await applyOnce(processor, await prepareExamples(processor));
  const added = ['surface_version', 'experiment', 'arm', 'after_request_id', 'first_position'];
  added.push('reasons', 'propensities', 'steps');
  const all = [
    ...processor.source.contentColumns,
    'received_at',
    'kafka_partition',
    'kafka_offset',
  ];
  const before = all.filter((column) => !added.includes(column)).join(', ');
  // As the processor wrote them that knew of no others: the columns' defaults fill the rest.
  await session.execute(
    `CREATE TEMPORARY TABLE stored_before (LIKE recommendation_logs INCLUDING DEFAULTS)`,
  );
  const stored = await session.execute(
    `INSERT INTO stored_before (${before}) SELECT ${before} FROM recommendation_logs
     WHERE served_at < '2026-11-25'`,
  );
  expect(stored).toBe(6);
  const list = all.join(', ');
  const differing = await session.query(
    `SELECT ${list} FROM stored_before EXCEPT SELECT ${list} FROM recommendation_logs`,
  );
  expect(differing).toEqual([]);
});

/** Each type's binary output function, by column. */
function send(column: string): string {
  const types: Record<string, string> = {
    event_id: 'uuid',
    request_id: 'uuid',
    occurred_at: 'timestamptz',
    movie_id: 'int8',
    value: 'float8',
    position: 'int4',
    properties: 'jsonb',
  };
  const type = types[column] ?? 'text';
  return `${type}${/^(uuid|jsonb|timestamptz)$/.test(type) ? '_' : ''}send(${column})`;
}
