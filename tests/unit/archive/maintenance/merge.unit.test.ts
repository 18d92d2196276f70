import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CopyWriter } from '../../../../connectors/postgres/copy-writer.ts';
import { formatUuid, uuidv7 } from '../../../../common/uuid.ts';
import { ColumnBuilder } from '../../../../archive/format/column-builder.ts';
import { sortedOrder } from '../../../support/sorted-order.ts';
import { mergeFiles, checksumsOfFile } from '../../../../archive/maintenance/merge-files.ts';
import { encodeFile } from '../../../../archive/format/encode.ts';
import {
  addChecksums,
  createChecksums,
  sameChecksums,
  subtractChecksums,
  checksumsOf,
} from '../../../../archive/format/checksums.ts';
import { userActions } from '../../../../streams/topics/user-actions.ts';
import { createRandom } from '../../../../common/random.ts';
import { DAY_MS } from '../../../../common/time.ts';

const DAY = Date.UTC(2026, 10, 20);
const SEED = 128;
const TOPIC = 'user-actions.v1';

interface Row {
  readonly id: string;
  readonly user: string;
  readonly offset: number;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-test-merge-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

function build(rows: readonly Row[]): ColumnBuilder {
  const out = new CopyWriter();
  const builder = new ColumnBuilder();
  for (const { id, user, offset } of rows) {
    out.reset();
    const at = out.position;
    out.row(userActions.contentColumns.length + 3);
    userActions.writeContent(out, {
      event_id: Buffer.from(id.replaceAll('-', ''), 'hex'),
      user_id: user,
      action: 'view',
      movie_id: offset,
      value: null,
      occurred_at: Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16),
      session_id: null,
      request_id: null,
      position: null,
      device: null,
      app: 'app',
      app_version: null,
      properties: offset % 3 === 0 ? { n: String(offset) } : {},
    });
    out.timestamptz(DAY);
    out.int4(0);
    out.int8(offset);
    builder.add(out.bytes, at);
  }
  return builder;
}

function writeInput(name: string, rows: readonly Row[]) {
  const builder = build(rows);
  const path = join(folder, name);
  const facts = { topic: TOPIC, metadata: {} };
  const written = writeFile(path, encodeFile(builder, sortedOrder(builder), facts));
  return written.then(() => ({ path, checksums: checksumsOf(builder) }));
}

function makeRows(count: number, seed: number, firstOffset = 0): Row[] {
  const random = createRandom(seed);
  const bits = new Uint8Array(10);
  return Array.from({ length: count }, (_, i) => {
    random.fill(bits);
    return {
      id: formatUuid(uuidv7(DAY + random.below(DAY_MS), bits)),
      user: `user-${random.below(30)}`,
      offset: firstOffset + i,
    };
  });
}

const key = ({ user, id }: { user: string; id: string }) => `${user} ${id}`;

async function readBack(path: string) {
  const body = await readFile(path);
  const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.length);
  const rows = (await parquetReadObjects({ file, compressors })) as Record<string, unknown>[];
  return { rows, groups: parquetMetadata(file).row_groups.map((g) => Number(g.num_rows)) };
}

describe('a merge', () => {
  test('has each event once, in order, over row groups of many files; a resend is left out', async () => {
    const first = makeRows(66_000, SEED);
    const second = makeRows(2_000, SEED + 1, 70_000);
    // Sent again: same user and id, later.
    const again = first.slice(0, 900).map((row, i) => ({ ...row, offset: 200_000 + i }));
    const inputs = [
      await writeInput('a.parquet', first),
      await writeInput('b.parquet', [...second, ...again]),
      await writeInput('c.parquet', makeRows(3, SEED + 2, 300_000)),
    ];
    const output = join(folder, 'merged.parquet');
    const merged = await mergeFiles(
      inputs.map(({ path }) => path),
      output,
      { topic: TOPIC, metadata: { schema_version: 1 } },
    );
    expect(merged.removed.rows).toBe(900);
    expect(merged.rows).toBe(68_003);

    const { rows, groups } = await readBack(output);
    expect(groups).toEqual([65_536, 68_003 - 65_536]);
    const keys = rows.map((row) =>
      key({ user: row['user_id'] as string, id: row['event_id'] as string }),
    );
    expect(keys).toEqual(keys.toSorted());
    expect(new Set(keys).size).toBe(keys.length);
    const offsets = new Map(rows.map((row, i) => [keys[i], Number(row['kafka_offset'])]));
    expect(again.filter((row) => (offsets.get(key(row)) ?? Infinity) >= 200_000)).toEqual([]);

    const expected = createChecksums();
    for (const { checksums } of inputs) addChecksums(expected, checksums);
    subtractChecksums(expected, merged.removed);
    const found = await checksumsOfFile(output);
    expect(sameChecksums(found.checksums, expected)).toBe(true);
    const ids = rows.map((row) => row['event_id'] as string).toSorted();
    expect(found.firstId.toString('hex')).toBe(ids[0]?.replaceAll('-', ''));
    expect(found.lastId.toString('hex')).toBe(ids.at(-1)?.replaceAll('-', ''));
  });

  test('of the same files gives the same bytes', async () => {
    const inputs = [
      (await writeInput('d.parquet', makeRows(500, SEED + 3))).path,
      (await writeInput('e.parquet', makeRows(700, SEED + 4, 500))).path,
    ];
    const facts = { topic: TOPIC, metadata: { schema_version: 1, merge: 7 } };
    const one = await mergeFiles(inputs, join(folder, 'one.parquet'), facts);
    const two = await mergeFiles(inputs, join(folder, 'two.parquet'), facts);
    expect(one.sha256).toEqual(two.sha256);
    expect(await readFile(join(folder, 'one.parquet'))).toEqual(
      await readFile(join(folder, 'two.parquet')),
    );
    expect(one.bytes).toBe((await readFile(join(folder, 'one.parquet'))).length);
  });

  test('of an unreadable file fails, and ends', async () => {
    const good = (await writeInput('f.parquet', makeRows(10, SEED + 5))).path;
    const bad = join(folder, 'bad.parquet');
    await writeFile(bad, 'PAR1 no PAR1');
    await expect(
      mergeFiles([good, bad], join(folder, 'x.parquet'), { topic: TOPIC, metadata: {} }),
    ).rejects.toThrow();
  });
});
