import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { CopyWriter } from '../../../../connectors/postgres/copy-writer.ts';
import type { ObjectStore } from '../../../../connectors/object-store/object-store.ts';
import { uuidv7 } from '../../../../common/uuid.ts';
import { ColumnBuilder } from '../../../../archive/format/column-builder.ts';
import { bytesColumn } from '../../../../archive/format/columns.ts';
import { sortedOrder } from '../../../support/sorted-order.ts';
import { createIdSet } from '../../../../archive/rebuild/id-set.ts';
import { encodeFile } from '../../../../archive/format/encode.ts';
import { fetchAhead } from '../../../../archive/rebuild/fetch-files.ts';
import type { ListedFile } from '../../../../archive/rebuild/fetch-files.ts';
import { readDates } from '../../../../archive/rebuild/read-dates.ts';
import type { RowPlace } from '../../../../archive/rebuild/read-dates.ts';
import { userActions } from '../../../../streams/topics/user-actions.ts';
import { createRandom } from '../../../../common/random.ts';
import { DAY_MS } from '../../../../common/time.ts';

const SEED = 91;
const random = createRandom(SEED);

interface Row {
  readonly id: Buffer;
  readonly ms: number;
  readonly receivedAt?: number;
  readonly offset: number;
}

function row(day: number, offset: number): Row {
  const bits = Buffer.alloc(10);
  random.fill(bits);
  const ms = day * DAY_MS + random.below(DAY_MS);
  return { id: uuidv7(ms, bits), ms, offset };
}

const objects = new Map<string, Buffer>();
const store = {
  get: (name: string) => Promise.resolve(objects.get(name) as Buffer),
  getFile: (name: string, path: string) => writeFile(path, objects.get(name) as Buffer),
} as unknown as ObjectStore;

function putFile(path: string, day: number, rows: readonly Row[]): ListedFile {
  const writer = new CopyWriter();
  const builder = new ColumnBuilder();
  for (const { id, ms, offset, receivedAt = ms } of rows) {
    writer.reset();
    writer.row(16);
    userActions.writeContent(writer, {
      event_id: id,
      occurred_at: ms,
      movie_id: 1,
      value: null,
      position: null,
      request_id: null,
      user_id: `user-${offset % 5}`,
      action: 'click',
      session_id: null,
      device: null,
      app: 'test',
      app_version: null,
      properties: {},
    });
    writer.timestamptz(receivedAt);
    writer.int4(3);
    writer.int8(offset);
    builder.add(writer.take(), 19);
  }
  const file = encodeFile(builder, sortedOrder(builder), { topic: 't', metadata: {} });
  objects.set(path, file);
  return {
    path,
    topic: 't',
    date: String(day),
    rows: rows.length,
    bytes: file.length,
    sha256: createHash('sha256').update(file).digest(),
  };
}

const first = Array.from({ length: 300 }, (_, n) => row(100, n));
/** The first of the files holds one of them as it came again, years later. */
const late = { ...(first[7] as Row), offset: 9_999, receivedAt: 1_000 * DAY_MS };
const resent = first.slice(0, 40).map((r) => ({ ...r, offset: r.offset + 1_000 }));
const second = [...Array.from({ length: 200 }, (_, n) => row(100, 500 + n)), ...resent];
const third = Array.from({ length: 60 }, (_, n) => row(101, 2_000 + n));
const files = [
  putFile('late', 100, [late]),
  putFile('a', 100, first),
  putFile('b', 100, second),
  putFile('c', 101, third),
];

async function offsetsRead(
  passIdsMax: number | undefined,
  wanted: (place: RowPlace) => boolean = () => true,
) {
  const counts = { rows: 0, tooLate: 0, resends: 0 };
  const rules = { wanted, lateHorizonMs: DAY_MS };
  const offsets: number[] = [];
  for await (const { rows, placeOf } of readDates(store, files, rules, counts, passIdsMax))
    offsets.push(...rows.map((r) => placeOf(r).offset));
  return { counts, offsets: offsets.sort((a, b) => a - b) };
}

it.each([undefined, 100, 7])(
  `gives each event once, by its first record, in passes of %s ids (seed ${SEED})`,
  async (passIdsMax) => {
    const { counts, offsets } = await offsetsRead(passIdsMax);
    const expected = [...first, ...second.slice(0, 200), ...third].map(({ offset }) => offset);
    expect(offsets).toEqual(expected.sort((a, b) => a - b));
    expect(counts).toEqual({ rows: 601, tooLate: 1, resends: 40 });
  },
);

it('looks for resends among what is wanted alone', async () => {
  const { offsets } = await offsetsRead(undefined, ({ offset }) => offset >= 1_000);
  expect(offsets).toEqual([...resent, ...third].map(({ offset }) => offset));
});

it('gives the same rows of an object that goes through a local file', async () => {
  const idsOf = async (wholeBytesMax: number) => {
    const found: string[] = [];
    const reads = files.map((file) => ({ file }));
    for await (const { read, events, topics } of fetchAhead(store, reads, wholeBytesMax)) {
      const { bytes } = bytesColumn(events, 'event_id');
      expect(topics()).toEqual(Array<string>(events.rows).fill('t'));
      found.push(read.file.path, Buffer.from(bytes.subarray(0, events.rows * 16)).toString('hex'));
    }
    return found;
  };
  expect(await idsOf(0)).toEqual(await idsOf(Infinity));
});

it('refuses an object that is not the one that was recorded', async () => {
  const kept = objects.get('b') as Buffer;
  objects.set('b', Buffer.concat([kept, Buffer.from('x')]));
  await expect(offsetsRead(undefined)).rejects.toMatchObject({
    code: 'MARQUEE_ARCHIVE_MISMATCH',
    message: expect.stringMatching(/^b: .*marquee audit/) as string,
  });
  objects.set('b', kept);
});

it(`knows what an id set has met (seed ${SEED})`, () => {
  const ids = Buffer.concat(Array.from({ length: 20_000 }, (_, n) => row(n % 3, n).id));
  const set = createIdSet();
  const added = () => {
    let count = 0;
    for (let at = 0; at < ids.length; at += 16) if (set.add(ids, at)) count++;
    return count;
  };
  expect([added(), added()]).toEqual([20_000, 0]);
});
