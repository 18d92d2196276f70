import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { MarqueeError } from '../../schemas/error.ts';
import { addHash } from '../runtime/hash.ts';
import type { LedgerRun } from '../runtime/ledger.ts';
import type { Failpoint } from '../runtime/failpoints.ts';
import { OUTCOMES } from '../runtime/ledger.ts';
import type { Prepared } from '../runtime/prepare.ts';
import { inPlace } from './file-maker.ts';
import type { FileMaker } from './file-maker.ts';
import type { VerifiedFile } from './manifest.ts';
import { RowPacker, rowEnd, sortedColumns } from './packed-rows.ts';
import { addSums, createSums, sameSums } from './sums.ts';
import type { Sums } from './sums.ts';

const DAY_MS = 86_400_000;
/** Objects on their way at once: many are small. */
const SIDE_BY_SIDE = 8;

/** Offsets of one partition on their way into files, by UTC date. */
export interface RangeBuilder {
  readonly rows: number;
  add(prepared: Prepared<unknown>): void;
  /** The ledger's runs, joined where a batch went on in the same hour. */
  ledger(): LedgerRun[];
  dates(): ReadonlyMap<number, RowPacker>;
}

export function createRangeBuilder(): RangeBuilder {
  const dates = new Map<number, RowPacker>();
  const runs: LedgerRun[] = [];
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    add(prepared) {
      for (const run of prepared.runs) joinRun(runs, run);
      if (prepared.rows === null) throw new Error('the archive needs rows');
      const bytes = prepared.rows.bytes;
      let at = FIRST_ROW_AT;
      for (let n = 0; n < prepared.accepted.length; n++) {
        // The id is the first column, and its first 48 bits are the event's time.
        const ms = bytes.readUIntBE(at + 6, 6);
        const day = Math.floor(ms / DAY_MS);
        let packer = dates.get(day);
        if (packer === undefined) dates.set(day, (packer = new RowPacker()));
        const end = rowEnd(bytes, at);
        packer.add(bytes, at, end);
        at = end;
        rows++;
      }
    },
    ledger: () => runs,
    dates: () => dates,
  };
}

/** A COPY body begins with a signature, flags and an extension length. */
const FIRST_ROW_AT = 19;

function joinRun(runs: LedgerRun[], run: LedgerRun): void {
  const last = runs.at(-1);
  if (last?.partition !== run.partition || last.hour !== run.hour || last.to !== run.from) {
    runs.push(run);
    return;
  }
  last.to = run.to;
  for (const outcome of OUTCOMES) {
    const into = last.accounts[outcome];
    const from = run.accounts[outcome];
    into.count += from.count;
    addHash(into.idSum, from.idSum);
    addHash(into.contentSum, from.contentSum);
  }
}

export interface RangePlace {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface FileWork {
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly failpoint: Failpoint;
  /** Makes and inspects files in place when not given. */
  readonly maker?: FileMaker;
}

/**
 * Writes the range's files, reads each back from the store, and returns them when their rows are
 * those that the ledger counts. Throws MarqueeError MARQUEE_ARCHIVE_MISMATCH; nothing is recorded
 * then. The same range gives the same names and bytes.
 */
export async function storeRange(
  builder: RangeBuilder,
  place: RangePlace,
  work: FileWork,
): Promise<VerifiedFile[]> {
  const days = [...builder.dates()].sort(([a], [b]) => a - b);
  const files = await sideBySide(days, SIDE_BY_SIDE, ([day, packer]) =>
    storeFile(day, packer, place, work),
  );
  const expected = createSums();
  for (const { accounts } of builder.ledger())
    addSums(expected, {
      rows: accounts.ok.count,
      id: accounts.ok.idSum,
      content: accounts.ok.contentSum,
    });
  const stored = createSums();
  for (const { sums } of files) addSums(stored, sums);
  if (!sameSums(expected, stored)) throw mismatch(place, expected, stored);
  return files;
}

async function storeFile(
  day: number,
  packer: RowPacker,
  place: RangePlace,
  { store, prefix, failpoint, maker = inPlace }: FileWork,
): Promise<VerifiedFile> {
  const date = dateOf(day * DAY_MS);
  const name = `${place.topic}-${place.partition}-${place.from}-${place.to}`;
  const path = `${prefix}date=${date}/${name.replaceAll(':', '-')}.parquet`;
  const file = await maker.make(sortedColumns(packer), {
    topic: place.topic,
    metadata: {
      schema_version: 1,
      topic: place.topic,
      partition: place.partition,
      from_offset: place.from,
      to_offset: place.to,
      rows: packer.rows,
    },
  });
  failpoint('archive_before_upload');
  await store.put(path, file.bytes);
  failpoint('archive_uploaded');
  return verifyFile(store, path, date, file.sha256, maker);
}

/** Reads the object back: what is recorded is what the store gives, not what it was given. */
export async function verifyFile(
  store: ObjectStore,
  path: string,
  date: string,
  sha256: Buffer,
  maker: FileMaker = inPlace,
): Promise<VerifiedFile> {
  const back = await store.get(path);
  const bytes = back.length;
  const found = createHash('sha256').update(back).digest();
  if (!found.equals(sha256))
    throw new MarqueeError(
      'MARQUEE_ARCHIVE_MISMATCH',
      `${path}: the store gave back ${String(bytes)} bytes with another SHA-256 ` +
        `(${found.toString('hex')}) than was put there (${sha256.toString('hex')}). Nothing was ` +
        'recorded or dropped. Look at the store; a rerun puts the object again.',
    );
  const { sums, firstId, lastId, firstMs, lastMs } = await maker.inspect(back);
  for (const ms of sums.rows === 0 ? [] : [firstMs, lastMs])
    if (dateOf(ms) !== date)
      throw new MarqueeError('MARQUEE_ARCHIVE_MISMATCH', `${path}: a row is of ${dateOf(ms)}`);
  return { path, date, bytes, sha256, sums, firstId, lastId };
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function mismatch(place: RangePlace, expected: Sums, stored: Sums): MarqueeError {
  return new MarqueeError(
    'MARQUEE_ARCHIVE_MISMATCH',
    `${place.topic}/${String(place.partition)} [${String(place.from)}, ${String(place.to)}): the ` +
      `log gave ${String(expected.rows)} events, the files hold ${String(stored.rows)}, or their ` +
      'contents differ. Nothing was recorded or dropped. Keep the objects and report it.',
  );
}

/** Works on all items, so many at once, and keeps their order. */
export async function sideBySide<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
