import { ROW_COLUMNS } from '../format/columns.ts';
import type { BytesColumn, Column, EventColumns } from '../format/columns.ts';

const FIRST_BYTES_A_ROW = 16;

/**
 * Up to `capacity` rows of other columns, copied one at a time; filled and emptied again and again.
 */
export class RowBuffer implements EventColumns {
  #rows = 0;
  readonly columns: readonly Column[];

  constructor(capacity: number) {
    this.columns = ROW_COLUMNS.map(([, kind]): Column => {
      const nulls = new Uint8Array(capacity);
      return kind === 'uuid' || kind === 'text' || kind === 'map'
        ? {
            kind,
            ends: new Uint32Array(capacity),
            bytes: new Uint8Array(capacity * FIRST_BYTES_A_ROW),
            nulls,
          }
        : { kind, values: new Float64Array(capacity), nulls };
    });
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.columns.reduce(
      (sum, column) => sum + ('values' in column ? column.values : column.bytes).byteLength,
      0,
    );
  }

  get ids(): BytesColumn {
    return this.columns[EVENT_ID] as BytesColumn;
  }

  get users(): BytesColumn {
    return this.columns[USER_ID] as BytesColumn;
  }

  /** Appends row `i` of `from`. The caller sees to it that there is room. */
  append(from: EventColumns, i: number): void {
    const row = this.#rows++;
    for (let c = 0; c < this.columns.length; c++) {
      const to = this.columns[c] as Column;
      const source = from.columns[c] as Column;
      to.nulls[row] = source.nulls[i] as number;
      if ('values' in to) to.values[row] = (source as typeof to).values[i] as number;
      else copyBytes(to, row, source as BytesColumn, i);
    }
  }

  reset(): void {
    this.#rows = 0;
  }

  /** Empties it but for the last row. */
  keepLast(): void {
    const last = this.#rows - 1;
    this.#rows = 0;
    this.append(this, last);
  }
}

const EVENT_ID = ROW_COLUMNS.findIndex(([name]) => name === 'event_id');
const USER_ID = ROW_COLUMNS.findIndex(([name]) => name === 'user_id');

function copyBytes(to: BytesColumn, row: number, from: BytesColumn, i: number): void {
  const start = i === 0 ? 0 : (from.ends[i - 1] as number);
  const end = from.ends[i] as number;
  const at = row === 0 ? 0 : (to.ends[row - 1] as number);
  if (at + end - start > to.bytes.length) {
    const larger = new Uint8Array(Math.max(at + end - start, to.bytes.length * 2));
    larger.set(to.bytes);
    to.bytes = larger;
  }
  const bytes = to.bytes;
  for (let k = start, into = at; k < end; k++, into++) bytes[into] = from.bytes[k] as number;
  to.ends[row] = at + end - start;
}
