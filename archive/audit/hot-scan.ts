import type { Session } from '../../connectors/postgres/session.ts';
import { addHash, createHash128, hashToDecimal, murmur128 } from '../../common/hash.ts';
import { userActions } from '../../streams/topics/user-actions.ts';
import { createChecksums } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import { HOUR_MS } from '../../common/time.ts';

const CONTENT = userActions.contentColumns;
/** Offsets of one row of the ledger of `interactions`. */
export interface LedgerRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** ISO 8601: hour of receipt. */
  readonly hour: string;
  readonly ok: { readonly rows: number; readonly id: string; readonly content: string };
}

/** What one ledger row has in one hour partition. */
export interface HourAccount extends Checksums {
  readonly range: LedgerRange;
}

export interface HotScan {
  readonly ranges: readonly LedgerRange[];
  /** By hour since the epoch, of the events' own time. */
  readonly hours: ReadonlyMap<number, readonly HourAccount[]>;
  /** Ledger rows whose hot and dropped rows make up what was counted. */
  readonly balanced: ReadonlySet<LedgerRange>;
  /** The others. */
  readonly unbalanced: readonly Unbalanced[];
  /** Rows whose offset no ledger row has. */
  readonly strangers: number;
  readonly rows: number;
}

export interface Unbalanced {
  readonly range: LedgerRange;
  readonly rows: number;
  /** Ids agree or not; contents agree or not. */
  readonly idsDiffer: boolean;
  readonly contentsDiffer: boolean;
}

/**
 * Reads every row of the hot table once and holds it against the ledger of `interactions`: the
 * binary COPY form of a row's content is what the ledger hashed. One snapshot, so it may run while
 * traffic flows.
 */
export async function scanHot(session: Session): Promise<HotScan> {
  return session.transaction(async () => {
    // One statement reads the whole table, however long that takes.
    await session.execute('SET LOCAL statement_timeout = 0');
    const ranges = await readLedgerRanges(session);
    const dropped = await readDropped(session);
    const found = await addUp(session, ranges);
    return { ranges, ...found, ...judge(ranges, found.hours, dropped) };
  }, 'REPEATABLE READ READ ONLY');
}

async function readLedgerRanges(session: Session): Promise<LedgerRange[]> {
  const rows = await session.query<{
    partition: number;
    from_offset: number;
    to_offset: number;
    hour: string;
    ok_count: number;
    id: string;
    content: string;
  }>(
    `SELECT partition, from_offset, to_offset, to_json(hour) #>> '{}' AS hour, ok_count,
            ok_id_sum::text AS id, ok_content_sum::text AS content
       FROM stream_ledger WHERE processor = 'interactions' AND topic = $1
      ORDER BY partition, from_offset`,
    [userActions.topic],
  );
  return rows.map((r) => ({
    partition: r.partition,
    from: r.from_offset,
    to: r.to_offset,
    hour: r.hour,
    ok: { rows: r.ok_count, id: r.id, content: r.content },
  }));
}

interface Dropped {
  readonly rows: number;
  readonly id: bigint;
  readonly content: bigint;
}

async function readDropped(session: Session): Promise<ReadonlyMap<string, Dropped>> {
  const rows = await session.query<{
    partition: number;
    ledger_from: number;
    rows: number;
    id: string;
    content: string;
  }>(
    `SELECT partition, ledger_from, sum(rows)::bigint AS rows, sum(id_sum)::text AS id,
            sum(content_sum)::text AS content
       FROM dropped_accounts WHERE topic = $1 GROUP BY 1, 2`,
    [userActions.topic],
  );
  return new Map(
    rows.map((r) => [
      `${r.partition}/${r.ledger_from}`,
      { rows: r.rows, id: BigInt(r.id), content: BigInt(r.content) },
    ]),
  );
}

async function addUp(session: Session, ranges: readonly LedgerRange[]) {
  const hours = new Map<number, Map<LedgerRange, HourAccount>>();
  const find = createFinder(ranges);
  const hash = createHash128();
  let strangers = 0;
  let rows = 0;
  const query =
    `COPY (SELECT ${CONTENT.join(', ')}, kafka_partition, kafka_offset FROM rt_user_interactions) ` +
    'TO STDOUT (FORMAT binary)';
  for await (const { bytes, at, end } of copyRows(session.copyOut(query))) {
    let pos = at + 2;
    for (let i = 0; i < CONTENT.length; i++) {
      const length = bytes.readInt32BE(pos);
      pos += 4 + Math.max(0, length);
    }
    const partition = bytes.readInt32BE(pos + 4);
    const offset = bytes.readInt32BE(pos + 12) * 4_294_967_296 + bytes.readUInt32BE(pos + 16);
    rows++;
    const range = find(partition, offset);
    if (range === null) {
      strangers++;
      continue;
    }
    const hour = Math.floor(bytes.readUIntBE(at + 6, 6) / HOUR_MS);
    let accounts = hours.get(hour);
    if (accounts === undefined) hours.set(hour, (accounts = new Map<LedgerRange, HourAccount>()));
    let account = accounts.get(range);
    if (account === undefined) accounts.set(range, (account = { range, ...createChecksums() }));
    account.rows++;
    murmur128(hash, bytes, at + 6, at + 22);
    addHash(account.id, hash);
    murmur128(hash, bytes, at + 2, pos);
    addHash(account.content, hash);
    if (pos + 20 !== end) throw new Error('a row of COPY is not as long as its fields');
  }
  return {
    hours: new Map([...hours].map(([hour, accounts]) => [hour, [...accounts.values()]])),
    strangers,
    rows,
  };
}

/** The range of an offset; records come in runs, so the last one found is looked at first. */
function createFinder(ranges: readonly LedgerRange[]) {
  const byPartition = Map.groupBy(ranges, (r) => r.partition);
  const lastOf = new Map<number, LedgerRange>();
  return (partition: number, offset: number): LedgerRange | null => {
    const last = lastOf.get(partition);
    if (last !== undefined && offset >= last.from && offset < last.to) return last;
    const list = byPartition.get(partition) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle] as LedgerRange).to <= offset) low = middle + 1;
      else high = middle;
    }
    const range = list[low];
    if (range === undefined || offset < range.from) return null;
    lastOf.set(partition, range);
    return range;
  };
}

const MODULUS = 1n << 128n;

function judge(
  ranges: readonly LedgerRange[],
  hours: ReadonlyMap<number, readonly HourAccount[]>,
  dropped: ReadonlyMap<string, Dropped>,
): { balanced: ReadonlySet<LedgerRange>; unbalanced: readonly Unbalanced[] } {
  const totals = new Map<LedgerRange, { rows: number; id: bigint; content: bigint }>();
  for (const accounts of hours.values())
    for (const { range, rows, id, content } of accounts) {
      const total = totals.get(range) ?? { rows: 0, id: 0n, content: 0n };
      total.rows += rows;
      total.id += BigInt(hashToDecimal(id));
      total.content += BigInt(hashToDecimal(content));
      totals.set(range, total);
    }
  const balanced = new Set<LedgerRange>();
  const unbalanced: Unbalanced[] = [];
  for (const range of ranges) {
    const hot = totals.get(range) ?? { rows: 0, id: 0n, content: 0n };
    const gone = dropped.get(`${range.partition}/${range.from}`);
    const rows = hot.rows + (gone?.rows ?? 0);
    const id = (hot.id + (gone?.id ?? 0n)) % MODULUS;
    const content = (hot.content + (gone?.content ?? 0n)) % MODULUS;
    const idsDiffer = id !== BigInt(range.ok.id);
    const contentsDiffer = content !== BigInt(range.ok.content);
    if (rows === range.ok.rows && !idsDiffer && !contentsDiffer) balanced.add(range);
    else unbalanced.push({ range, rows, idsDiffer, contentsDiffer });
  }
  return { balanced, unbalanced };
}

export interface CopiedRow {
  readonly bytes: Buffer;
  /** Where the row's field count stands, and where the row ends. */
  readonly at: number;
  readonly end: number;
}

const HEADER_BYTES = 19;

/** Cuts a binary COPY stream into rows; a view is valid until the next one is asked for. */
export async function* copyRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<CopiedRow> {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  let begun = false;
  for await (const chunk of chunks) {
    bytes = at === bytes.length ? chunk : Buffer.concat([bytes.subarray(at), chunk]);
    at = 0;
    if (!begun) {
      if (bytes.length < HEADER_BYTES) continue;
      at = HEADER_BYTES;
      begun = true;
    }
    for (;;) {
      const end = rowEnd(bytes, at);
      if (end < 0) break;
      if (end === at) return; // the trailer
      yield { bytes, at, end };
      at = end;
    }
  }
}

/** Where the row at `at` ends; -1 when not all of it is here; `at` itself for the trailer. */
function rowEnd(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return -1;
  const fields = bytes.readInt16BE(at);
  if (fields < 0) return at;
  let pos = at + 2;
  for (let i = 0; i < fields; i++) {
    if (pos + 4 > bytes.length) return -1;
    pos += 4 + Math.max(0, bytes.readInt32BE(pos));
  }
  return pos <= bytes.length ? pos : -1;
}
