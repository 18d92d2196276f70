/** Below a user's bytes and above its end: no text holds it. */
const END = 0;
const ID_BYTES = 16;

/**
 * Keys that decide each row's place in a file: its user bytewise, then its event id (so its time),
 * then its offset, which is its number here. Ids of one millisecond order by their random part, as
 * everywhere.
 */
export class SortKeys {
  #bytes: Uint8Array;
  /** Row i's key is bytes[ends[i-1], ends[i]): the user, END, the id. */
  readonly #ends: Uint32Array;
  #rows = 0;

  constructor(rows: number) {
    if (rows > ROWS_MAX) throw new Error(`${rows} rows to be sorted at once`);
    this.#ends = new Uint32Array(rows);
    this.#bytes = new Uint8Array(32 * rows);
  }

  /** The next row's. */
  add(users: Uint8Array, userAt: number, userLength: number, ids: Uint8Array, idAt: number): void {
    let to = this.#rows === 0 ? 0 : (this.#ends[this.#rows - 1] as number);
    const needed = to + userLength + 1 + ID_BYTES;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    for (let i = 0; i < userLength; i++) bytes[to++] = users[userAt + i] as number;
    bytes[to++] = END;
    for (let i = 0; i < ID_BYTES; i++) bytes[to++] = ids[idAt + i] as number;
    this.#ends[this.#rows++] = to;
  }

  /** The rows' numbers in the order of a file. */
  order(): Uint32Array {
    const order = new Uint32Array(this.#rows);
    for (let i = 0; i < order.length; i++) order[i] = i;
    sortGroup({ bytes: this.#bytes, ends: this.#ends }, order, 0);
    return order;
  }
}

interface Keys {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

const INSERTION_MAX = 24;
/** Of the key, in one number with the row. */
const PREFIX_BYTES = 5;
const ROWS_MAX = 2 ** 24;

/**
 * Sorts rows whose keys are alike up to `alike`: by the next bytes that tell some of them apart, as
 * numbers that also hold the row, and then each group that these bytes leave together. Comparing
 * key by key takes three times as long.
 */
function sortGroup(keys: Keys, group: Uint32Array, alike: number): void {
  if (group.length <= INSERTION_MAX) {
    insert(keys, group, alike);
    return;
  }
  const depth = commonDepth(keys, group, alike);
  if (depth === Infinity) return;
  const numbers = new BigUint64Array(group.length);
  const halves = new Uint32Array(numbers.buffer);
  const { bytes, ends } = keys;
  for (let i = 0; i < group.length; i++) {
    const row = group[i] as number;
    const end = ends[row] as number;
    let at = startOf(keys, row) + depth;
    let high = 0;
    for (let k = 1; k < PREFIX_BYTES; k++)
      high = (high << 8) | (at < end ? (bytes[at++] as number) : 0);
    halves[2 * i] = ((at < end ? (bytes[at] as number) : 0) << 24) | row;
    halves[2 * i + 1] = high;
  }
  numbers.sort();
  for (let i = 0; i < group.length; i++) group[i] = (halves[2 * i] as number) & (ROWS_MAX - 1);
  for (let from = 0, i = 1; i <= group.length; i++) {
    if (i < group.length && samePrefix(halves, from, i)) continue;
    if (i - from > 1) sortGroup(keys, group.subarray(from, i), depth + PREFIX_BYTES);
    from = i;
  }
}

function samePrefix(halves: Uint32Array, a: number, b: number): boolean {
  return (
    halves[2 * a + 1] === halves[2 * b + 1] &&
    (halves[2 * a] as number) >>> 24 === (halves[2 * b] as number) >>> 24
  );
}

function startOf({ ends }: Keys, row: number): number {
  return row === 0 ? 0 : (ends[row - 1] as number);
}

/**
 * Depth to which all keys of the group are alike, at least `alike`; Infinity where they are equal.
 */
function commonDepth(keys: Keys, group: Uint32Array, alike: number): number {
  const { bytes, ends } = keys;
  const [first = 0] = group;
  const start = startOf(keys, first);
  const length = (ends[first] as number) - start;
  let depth = length;
  let equal = true;
  for (let i = 1; i < group.length; i++) {
    const row = group[i] as number;
    const other = startOf(keys, row);
    if ((ends[row] as number) - other !== length) equal = false;
    let at = alike;
    while (at < depth && bytes[start + at] === bytes[other + at]) at++;
    if (at < depth) depth = at;
  }
  return equal && depth === length ? Infinity : depth;
}

function insert(keys: Keys, group: Uint32Array, alike: number): void {
  for (let i = 1; i < group.length; i++) {
    const row = group[i] as number;
    let j = i;
    for (; j > 0 && isAfter(keys, group[j - 1] as number, row, alike); j--)
      group[j] = group[j - 1] as number;
    group[j] = row;
  }
}

/** No key is the beginning of another, since END comes but once before the last 16 bytes. */
function isAfter(keys: Keys, a: number, b: number, alike: number): boolean {
  const { bytes, ends } = keys;
  const end = ends[a] as number;
  let at = startOf(keys, a) + alike;
  let other = startOf(keys, b) + alike;
  for (; at < end; at++, other++) {
    const d = (bytes[at] as number) - (bytes[other] as number);
    if (d !== 0) return d > 0;
  }
  return a > b;
}
