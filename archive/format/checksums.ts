import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import { addHash, createHash128, murmur128, subtractHash } from '../../common/hash.ts';
import type { Hash128 } from '../../common/hash.ts';
import { CONTENT_COLUMNS, bytesColumn, writeRow } from './columns.ts';
import type { EventColumns } from './columns.ts';

/** Modulus of the sums, for SQL: they are kept as the ledger's are. */
export const CHECKSUM_MODULUS = 1n << 128n;

/** Number of rows, and the sums of their hashes as the ledger takes them. */
export interface Checksums {
  rows: number;
  readonly id: Hash128;
  readonly content: Hash128;
}

export function createChecksums(): Checksums {
  return { rows: 0, id: createHash128(), content: createHash128() };
}

export function addChecksums(to: Checksums, { rows, id, content }: Checksums): void {
  to.rows += rows;
  addHash(to.id, id);
  addHash(to.content, content);
}

export function subtractChecksums(from: Checksums, { rows, id, content }: Checksums): void {
  from.rows -= rows;
  subtractHash(from.id, id);
  subtractHash(from.content, content);
}

export function sameChecksums(a: Checksums, b: Checksums): boolean {
  return (
    a.rows === b.rows &&
    a.id.every((lane, i) => lane === b.id[i]) &&
    a.content.every((lane, i) => lane === b.content[i])
  );
}

/** Checksums of rows in columns: their content is written once more as the processors write it. */
export function checksumsOf(events: EventColumns): Checksums {
  const checksums = createChecksums();
  const out = new CopyWriter(1 << 14);
  const hash = createHash128();
  const ids = bytesColumn(events, 'event_id').bytes;
  const content: EventColumns = {
    ...events,
    columns: events.columns.slice(0, CONTENT_COLUMNS.length),
  };
  for (let i = 0; i < events.rows; i++) {
    out.reset();
    const start = out.position;
    writeRow(out, content, i);
    murmur128(hash, out.bytes, start, out.position);
    addHash(checksums.content, hash);
    murmur128(hash, ids, i * 16, i * 16 + 16);
    addHash(checksums.id, hash);
  }
  checksums.rows = events.rows;
  return checksums;
}
