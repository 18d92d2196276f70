import { createHash } from 'node:crypto';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { expect, test } from 'vitest';
import { CopyWriter } from '../../../../connectors/postgres/copy-writer.ts';
import type { UserActionRecord } from '../../../../schemas/generated/types.ts';
import { formatUuid, uuidv7 } from '../../../../common/uuid.ts';
import { ColumnBuilder } from '../../../../archive/format/column-builder.ts';
import { sortedOrder } from '../../../support/sorted-order.ts';
import { writeFile } from '../../../../archive/format/file-writer.ts';
import { createWriterThread } from '../../../../archive/format/writer-thread.ts';
import { inspectFile } from '../../../../archive/format/inspect.ts';
import { RowPacker, rowEnd } from '../../../../archive/format/packed-rows.ts';
import { decodeFile } from '../../../../archive/format/decode.ts';
import { encodeFile } from '../../../../archive/format/encode.ts';
import { FILE_COLUMNS } from '../../../../archive/format/file-schema.ts';
import { sameChecksums, checksumsOf } from '../../../../archive/format/checksums.ts';
import { addHash, createHash128, murmur128 } from '../../../../common/hash.ts';
import { userActions } from '../../../../streams/topics/user-actions.ts';
import { createRandom } from '../../../../common/random.ts';
import { DAY_MS } from '../../../../common/time.ts';

const DAY = Date.UTC(2026, 10, 20);
const SEED = 20_261_120;

function makeEvents(count: number): UserActionRecord[] {
  const random = createRandom(SEED);
  return Array.from({ length: count }, (_, i) => {
    const at = DAY + random.below(DAY_MS);
    const bits = new Uint8Array(10);
    random.fill(bits);
    const search = i % 7 === 0;
    return {
      event_id: uuidv7(at, bits),
      user_id: i % 11 === 0 ? `Ünïcode-${i % 3} 🎬` : `user-${random.below(40)}`,
      action: search ? 'search' : i % 3 === 0 ? 'rate' : 'view',
      movie_id: search ? null : i % 5 === 0 ? 2 ** 52 + i : i + 1,
      value: i % 3 === 0 && !search ? 3.5 : null,
      occurred_at: at,
      session_id: i % 2 === 0 ? null : `s-${i}`,
      request_id: i % 4 === 0 ? uuidv7(at, bits) : null,
      position: i % 4 === 0 ? (i % 20) + 1 : null,
      device: i % 6 === 0 ? null : 'tv',
      app: 'app',
      app_version: i % 8 === 0 ? '' : '1.2.3',
      properties:
        i % 9 === 0
          ? { locale: 'de-DE', a: 'b', __proto__x: '"quoted"\n', ключ: '値' }
          : i % 10 === 0
            ? { bb: '', '10': 'x', locale: 'de-DE' }
            : {},
    };
  });
}

function build(events: readonly UserActionRecord[]) {
  const out = new CopyWriter();
  const builder = new ColumnBuilder();
  const content = createHash128();
  const sum = createHash128();
  const rows: Buffer[] = [];
  events.forEach((event, i) => {
    out.reset();
    const row = out.position;
    out.row(userActions.contentColumns.length + 3);
    const start = out.position;
    userActions.writeContent(out, event);
    murmur128(content, out.bytes, start, out.position);
    addHash(sum, content);
    out.timestamptz(event.occurred_at + 1_234);
    out.int4(3);
    out.int8(2 ** 40 + i);
    builder.add(out.bytes, row);
    rows.push(Buffer.from(out.bytes.subarray(row, out.position)));
  });
  return { builder, sum, rows };
}

const FACTS = {
  topic: 'user-actions.v1',
  metadata: { schema_version: 1, rows: 1, from_offset: 5, to_offset: 9 },
};

test('a file gives back the rows that went in, byte for byte', () => {
  const { builder, sum } = build(makeEvents(3_000));
  const file = encodeFile(builder, sortedOrder(builder), FACTS);
  const back = decodeFile(file);
  expect(back.events.rows).toBe(3_000);
  expect(back.topics()[17]).toBe('user-actions.v1');
  const checksums = checksumsOf(back.events);
  expect(sameChecksums(checksums, checksumsOf(builder))).toBe(true);
  expect([...checksums.content]).toEqual([...sum]);
});

test('an inspected file gives checksums, ids and times of its rows', async () => {
  const events = makeEvents(3_000);
  const { builder, sum } = build(events);
  const found = await inspectFile(encodeFile(builder, sortedOrder(builder), FACTS));
  expect(found.checksums.rows).toBe(3_000);
  expect(sameChecksums(found.checksums, checksumsOf(builder))).toBe(true);
  expect([...found.checksums.content]).toEqual([...sum]);
  const ids = events.map(({ event_id: id }) => formatUuid(id)).sort();
  expect([found.firstId, found.lastId]).toEqual([ids[0], ids.at(-1)]);
  const times = events.map(({ occurred_at: at }) => at);
  expect([found.firstMs, found.lastMs]).toEqual([Math.min(...times), Math.max(...times)]);
});

test('a changed value changes the checksums, a changed id too', async () => {
  const events = makeEvents(300);
  const checksumsFor = async (changed: readonly UserActionRecord[]) => {
    const { builder } = build(changed);
    return (await inspectFile(encodeFile(builder, sortedOrder(builder), FACTS))).checksums;
  };
  const checksums = await checksumsFor(events);
  const changes: Partial<UserActionRecord>[] = [
    { user_id: 'other' },
    { action: 'share' },
    { movie_id: 1 },
    { value: 2.5 },
    { occurred_at: DAY },
    { position: 99 },
    { request_id: null },
    { session_id: 'x' },
    { device: null },
    { app: 'b' },
    { app_version: null },
    { properties: { a: 'c' } },
  ];
  for (const change of changes) {
    const other = await checksumsFor(events.map((e, i) => (i === 44 ? { ...e, ...change } : e)));
    expect([...other.content], JSON.stringify(change)).not.toEqual([...checksums.content]);
    expect([...other.id]).toEqual([...checksums.id]);
  }
  const id = uuidv7(DAY);
  const other = await checksumsFor(events.map((e, i) => (i === 44 ? { ...e, event_id: id } : e)));
  expect([...other.id]).not.toEqual([...checksums.id]);
});

test('packed rows in order of arrival give the same file as sorted columns', () => {
  const events = makeEvents(2_500);
  const { builder, rows } = build(events);
  const packer = new RowPacker();
  for (const row of rows) packer.add(row, 0, rowEnd(row, 0));
  const written = writeFile(packer, FACTS);
  expect(written.bytes.equals(encodeFile(builder, sortedOrder(builder), FACTS))).toBe(true);
  expect(written.sha256).toEqual(createHash('sha256').update(written.bytes).digest());
});

test('a writer thread writes the same files, and an error of its own is the caller’s', async () => {
  const { rows } = build(makeEvents(500));
  const pack = () => {
    const packer = new RowPacker();
    for (const row of rows) packer.add(row, 0, row.length);
    return packer;
  };
  const thread = createWriterThread();
  try {
    // The second one is sorted here, since the thread is at work.
    const [written, another] = await Promise.all([
      thread.write(pack(), FACTS),
      thread.write(pack(), FACTS),
    ]);
    expect(written).toEqual(writeFile(pack(), FACTS));
    expect(another).toEqual(written);
    const copy = Buffer.from(written.bytes);
    expect(await thread.inspect(written.bytes)).toEqual(await inspectFile(copy));
    await expect(thread.inspect(Buffer.from('PAR1 and no more'))).rejects.toThrow();
    expect(await thread.inspect(Buffer.from(copy))).toEqual(await inspectFile(copy));
  } finally {
    await thread.close();
  }
  await expect(thread.write(pack(), FACTS)).rejects.toThrow('closed');
});

test('the same rows give the same bytes', () => {
  const make = () => {
    const { builder } = build(makeEvents(2_000));
    return encodeFile(builder, sortedOrder(builder), FACTS);
  };
  expect(make().equals(make())).toBe(true);
});

test('a second implementation reads the same rows, types and order', async () => {
  const events = makeEvents(1_000);
  const { builder } = build(events);
  const file = encodeFile(builder, sortedOrder(builder), FACTS);
  const buffer = new Uint8Array(file).buffer;
  const rows = await parquetReadObjects({ file: buffer, compressors });
  expect(Object.keys(rows[0] ?? {})).toEqual(FILE_COLUMNS);
  const order = events
    .map((event, i) => ({ event, i }))
    .sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.event.user_id), Buffer.from(b.event.user_id)) ||
        Buffer.compare(a.event.event_id, b.event.event_id),
    );
  expect(rows).toHaveLength(order.length);
  rows.forEach((row, at) => {
    const { event, i } = order[at] as (typeof order)[number];
    expect(row).toEqual({
      ...event,
      event_id: formatUuid(event.event_id),
      request_id: event.request_id === null ? null : formatUuid(event.request_id),
      movie_id: event.movie_id === null ? null : BigInt(event.movie_id),
      occurred_at: new Date(event.occurred_at),
      received_at: new Date(event.occurred_at + 1_234),
      properties: event.properties,
      kafka_topic: 'user-actions.v1',
      kafka_partition: 3,
      kafka_offset: BigInt(2 ** 40 + i),
    });
  });
  const { row_groups: groups, key_value_metadata: facts } = parquetMetadata(buffer);
  expect(facts).toContainEqual({ key: 'marquee', value: JSON.stringify(FACTS.metadata) });
  const users = groups[0]?.columns.find((c) => c.meta_data?.path_in_schema[0] === 'user_id');
  expect(users?.meta_data?.statistics?.min_value).toBe('user-0');
});
