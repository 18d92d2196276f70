import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { MarqueeError } from '../../common/error.ts';
import { addHash } from '../../common/hash.ts';
import type { LedgerRange } from '../../streams/runtime/commit/ledger.ts';
import type { Failpoint } from '../../streams/runtime/failpoints.ts';
import { OUTCOMES } from '../../streams/runtime/commit/ledger.ts';
import type { DecodedBatch } from '../../streams/runtime/commit/decode-batch.ts';
import { inPlace } from '../format/file-writer.ts';
import type { FileWriter } from '../format/file-writer.ts';
import type { VerifiedFile } from '../manifest.ts';
import { RowPacker, rowEnd } from '../format/packed-rows.ts';
import { mapConcurrent } from '../../common/map-concurrent.ts';
import { addChecksums, createChecksums, sameChecksums } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import { DAY_MS } from '../../common/time.ts';

/** Objects on their way at once: many are small. */
const SIDE_BY_SIDE = 8;

/** A range on its way into files. */
export interface RangeContent {
  /** By UTC date, as days since 1970. */
  dates(): ReadonlyMap<number, RowPacker>;
  /** What the files together must hold. */
  expected(): Checksums;
}

/** Offsets of one partition, with their ledger. */
export interface RangeBuilder extends RangeContent {
  readonly rows: number;
  add(prepared: DecodedBatch<unknown>): void;
  /** The ledger's runs, joined where a batch went on in the same hour. */
  ledger(): LedgerRange[];
}

/** Routes rows by the UTC date in their ids, a builder a date. */
export function createDates() {
  const byDay = new Map<number, RowPacker>();
  return {
    byDay: byDay as ReadonlyMap<number, RowPacker>,
    /** Adds the row whose field count stands at `at`; returns where the next row begins. */
    add(rows: Buffer, at: number): number {
      // The id is the first column, and its first 48 bits are the event's time.
      const day = Math.floor(rows.readUIntBE(at + 6, 6) / DAY_MS);
      let packer = byDay.get(day);
      if (packer === undefined) byDay.set(day, (packer = new RowPacker()));
      const end = rowEnd(rows, at);
      packer.add(rows, at, end);
      return end;
    },
  };
}

export function createRangeBuilder(): RangeBuilder {
  const dates = createDates();
  const runs: LedgerRange[] = [];
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    add(prepared) {
      for (const run of prepared.ledger) joinRun(runs, run);
      if (prepared.rows === null) throw new Error('the archive needs rows');
      let at = FIRST_ROW_AT;
      for (let n = 0; n < prepared.accepted.length; n++) at = dates.add(prepared.rows.bytes, at);
      rows += prepared.accepted.length;
    },
    ledger: () => runs,
    dates: () => dates.byDay,
    expected() {
      const sums = createChecksums();
      for (const { accounts } of runs)
        addChecksums(sums, {
          rows: accounts.ok.count,
          id: accounts.ok.idSum,
          content: accounts.ok.contentSum,
        });
      return sums;
    },
  };
}

/** A COPY body begins with a signature, flags and an extension length. */
const FIRST_ROW_AT = 19;

function joinRun(runs: LedgerRange[], run: LedgerRange): void {
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
  readonly maker: FileWriter;
  /** Called after each file that was verified; what it throws ends the work. */
  onFile?(file: VerifiedFile): void;
}

/**
 * Writes the range's files, reads each back from the store, and returns them when their rows are
 * those that are expected. Throws MarqueeError MARQUEE_ARCHIVE_MISMATCH; nothing is recorded
 * then. The same range gives the same names and bytes.
 */
export async function storeRange(
  content: RangeContent,
  place: RangePlace,
  work: FileWork,
): Promise<VerifiedFile[]> {
  const days = [...content.dates()].sort(([a], [b]) => a - b);
  const files = await mapConcurrent(days, SIDE_BY_SIDE, async ([day, packer]) => {
    const file = await storeFile(day, packer, place, work);
    work.onFile?.(file);
    return file;
  });
  const expected = content.expected();
  const stored = createChecksums();
  for (const { sums } of files) addChecksums(stored, sums);
  if (!sameChecksums(expected, stored)) throw mismatch(place, expected, stored);
  return files;
}

async function storeFile(
  day: number,
  packer: RowPacker,
  place: RangePlace,
  { store, prefix, failpoint, maker }: FileWork,
): Promise<VerifiedFile> {
  const date = dateOf(day * DAY_MS);
  const name = `${place.topic}-${place.partition}-${place.from}-${place.to}`;
  const path = `${prefix}date=${date}/${name.replaceAll(':', '-')}.parquet`;
  const file = await maker.write(packer, {
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
  maker: FileWriter = inPlace,
): Promise<VerifiedFile> {
  const back = await store.get(path);
  const bytes = back.length;
  const found = createHash('sha256').update(back).digest();
  if (!found.equals(sha256))
    throw new MarqueeError(
      'MARQUEE_ARCHIVE_MISMATCH',
      `${path}: the store gave back ${bytes} bytes with another SHA-256 ` +
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

function mismatch(place: RangePlace, expected: Checksums, stored: Checksums): MarqueeError {
  return new MarqueeError(
    'MARQUEE_ARCHIVE_MISMATCH',
    `${place.topic}/${place.partition} [${place.from}, ${place.to}): ` +
      `${expected.rows} events came in, the files hold ${stored.rows}, or their ` +
      'contents differ. Nothing was recorded or dropped. Keep the objects and report it.',
  );
}
