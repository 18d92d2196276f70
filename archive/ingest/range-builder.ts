import { addHash } from '../../common/hash.ts';
import { DAY_MS } from '../../common/time.ts';
import type { DecodedBatch } from '../../streams/runtime/commit/decode-batch.ts';
import { OUTCOMES } from '../../streams/runtime/commit/ledger.ts';
import type { LedgerRange } from '../../streams/runtime/commit/ledger.ts';
import { addChecksums, createChecksums } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import { COPY_HEADER_BYTES } from '../../connectors/postgres/copy-rows.ts';
import { RowPacker, rowEnd } from '../format/packed-rows.ts';

/** A range on its way into files. */
export interface RangeContent {
  /** By UTC date, as days since 1970. */
  dates(): ReadonlyMap<number, RowPacker>;
  /** Checksums of what the files together must hold. */
  expected(): Checksums;
}

/** Records of one partition as rows, with their ledger. */
export interface RangeBuilder extends RangeContent {
  readonly rows: number;
  add(batch: DecodedBatch<unknown>): void;
  /** Ledger ranges, joined where a batch went on in the same hour. */
  ledger(): LedgerRange[];
}

/** Routes rows by the UTC date in their ids, a packer a date. */
export function createDateRouter() {
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
  const dates = createDateRouter();
  const ledger: LedgerRange[] = [];
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    add(batch) {
      for (const range of batch.ledger) joinLedger(ledger, range);
      if (batch.rows === null) throw new Error('the archive needs rows');
      let at = COPY_HEADER_BYTES;
      for (let n = 0; n < batch.accepted.length; n++) at = dates.add(batch.rows.bytes, at);
      rows += batch.accepted.length;
    },
    ledger: () => ledger,
    dates: () => dates.byDay,
    expected() {
      const checksums = createChecksums();
      for (const { accounts } of ledger)
        addChecksums(checksums, {
          rows: accounts.ok.count,
          id: accounts.ok.idSum,
          content: accounts.ok.contentSum,
        });
      return checksums;
    },
  };
}

function joinLedger(ledger: LedgerRange[], range: LedgerRange): void {
  const last = ledger.at(-1);
  if (last?.partition !== range.partition || last.hour !== range.hour || last.to !== range.from) {
    ledger.push(range);
    return;
  }
  last.to = range.to;
  for (const outcome of OUTCOMES) {
    const into = last.accounts[outcome];
    const from = range.accounts[outcome];
    into.count += from.count;
    addHash(into.idSum, from.idSum);
    addHash(into.contentSum, from.contentSum);
  }
}
