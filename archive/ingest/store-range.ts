import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { MarqueeError } from '../../common/error.ts';
import { mapConcurrent } from '../../common/map-concurrent.ts';
import { DAY_MS } from '../../common/time.ts';
import type { ArchiveFailpoint } from '../failpoints.ts';
import { addChecksums, createChecksums, sameChecksums } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import type { FileWriter } from '../format/file-writer.ts';
import type { RowPacker } from '../format/packed-rows.ts';
import type { SourceRange, VerifiedFile } from '../manifest.ts';
import { rangeObject } from '../object-names.ts';
import type { RangeContent } from './range-builder.ts';

/** Objects on their way at once: many are small. */
const CONCURRENT_FILES = 8;

export interface StoreRangeOptions {
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly failpoint: ArchiveFailpoint;
  readonly writer: FileWriter;
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
  range: SourceRange,
  options: StoreRangeOptions,
): Promise<VerifiedFile[]> {
  const days = [...content.dates()].sort(([a], [b]) => a - b);
  const files = await mapConcurrent(days, CONCURRENT_FILES, async ([day, packer]) => {
    const file = await storeFile(day, packer, range, options);
    options.onFile?.(file);
    return file;
  });
  const expected = content.expected();
  const stored = createChecksums();
  for (const { checksums } of files) addChecksums(stored, checksums);
  if (!sameChecksums(expected, stored)) throw mismatch(range, expected, stored);
  return files;
}

async function storeFile(
  day: number,
  packer: RowPacker,
  range: SourceRange,
  { store, prefix, failpoint, writer }: StoreRangeOptions,
): Promise<VerifiedFile> {
  const date = dateOf(day * DAY_MS);
  const path = rangeObject(prefix, date, range);
  const { topic, partition, from, to } = range;
  const file = await writer.write(packer, {
    topic,
    metadata: {
      schema_version: 1,
      topic,
      partition,
      from_offset: from,
      to_offset: to,
      rows: packer.rows,
    },
  });
  failpoint('archive_before_upload');
  await store.put(path, file.bytes);
  failpoint('archive_uploaded');
  return verifyFile(store, path, date, file.sha256, writer);
}

/** Reads the object back: what is recorded is what the store gives, not what it was given. */
async function verifyFile(
  store: ObjectStore,
  path: string,
  date: string,
  sha256: Buffer,
  writer: FileWriter,
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
  const { checksums, firstId, lastId, firstMs, lastMs } = await writer.inspect(back);
  for (const ms of checksums.rows === 0 ? [] : [firstMs, lastMs])
    if (dateOf(ms) !== date)
      throw new MarqueeError('MARQUEE_ARCHIVE_MISMATCH', `${path}: a row is of ${dateOf(ms)}`);
  return { path, date, bytes, sha256, checksums, firstId, lastId };
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function mismatch(range: SourceRange, expected: Checksums, stored: Checksums): MarqueeError {
  return new MarqueeError(
    'MARQUEE_ARCHIVE_MISMATCH',
    `${range.topic}/${range.partition} [${range.from}, ${range.to}): ` +
      `${expected.rows} events came in, the files hold ${stored.rows}, or their ` +
      'contents differ. Nothing was recorded or dropped. Keep the objects and report it.',
  );
}
