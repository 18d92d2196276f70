import { formatUuid } from '../../common/uuid.ts';
import { addHash, createHash128, murmur128Words } from '../../common/hash.ts';
import { CONTENT_COLUMNS } from './columns.ts';
import { inBlocks } from './in-blocks.ts';
import { cellsOf, longsOf } from './arrow-cells.ts';
import type { Cells } from './arrow-cells.ts';
import { readBatches } from './decode.ts';
import { RowBlock } from './row-block.ts';
import { createChecksums } from './checksums.ts';
import type { Checksums } from './checksums.ts';

/** Contents of a file, told from its bytes alone. */
export interface FileContents {
  readonly checksums: Checksums;
  readonly firstId: string;
  readonly lastId: string;
  /** Bounds of occurred_at, in epoch milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * Decodes a file and packs each row's content once more as the processors write it: the ledger's
 * hash of a row is that of its binary COPY fields. Straight from Arrow's buffers and column by
 * column, since every row that is archived comes this way.
 */
export async function inspectFile(file: Buffer): Promise<FileContents> {
  const tally = new Tally();
  for await (const batch of readBatches(file)) {
    const times = batch.column('occurred_at');
    const msAt = times === null ? () => NaN : longsOf(times);
    const cells = CONTENT_COLUMNS.map(([name, kind]) => cellsOf(kind, batch.column(name)));
    inBlocks(batch.rows, (from, to) => {
      tally.add(cells, msAt, from, to);
    });
  }
  const { checksums, first, last, firstMs, lastMs } = tally;
  return { checksums, firstId: formatUuid(first), lastId: formatUuid(last), firstMs, lastMs };
}

/** Contents of the rows so far. */
class Tally {
  readonly checksums = createChecksums();
  readonly first = Buffer.alloc(16, 0xff);
  readonly last = Buffer.alloc(16);
  firstMs = Infinity;
  lastMs = -Infinity;
  readonly #hash = createHash128();
  readonly #block = new RowBlock();

  add(
    cells: readonly (Cells | null)[],
    msAt: (row: number) => number,
    from: number,
    to: number,
  ): void {
    const { checksums, first, last } = this;
    const hash = this.#hash;
    const block = this.#block;
    block.pack(cells, from, to - from);
    const { bytes, words, starts, ends } = block;
    for (let i = 0; i < to - from; i++) {
      const start = starts[i] as number;
      murmur128Words(hash, words, start >> 2, (ends[i] as number) - start);
      addHash(checksums.content, hash);
      // The id is the first field, behind its length.
      murmur128Words(hash, words, (start >> 2) + 1, 16);
      addHash(checksums.id, hash);
      const ms = msAt(from + i);
      if (ms < this.firstMs) this.firstMs = ms;
      if (ms > this.lastMs) this.lastMs = ms;
      if (compareId(bytes, start + 4, first) < 0) first.set(bytes.subarray(start + 4, start + 20));
      if (compareId(bytes, start + 4, last) > 0) last.set(bytes.subarray(start + 4, start + 20));
    }
    checksums.rows += to - from;
  }
}

function compareId(bytes: Uint8Array, at: number, id: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const d = (bytes[at + i] as number) - (id[i] as number);
    if (d !== 0) return d;
  }
  return 0;
}
