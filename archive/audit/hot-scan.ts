import type { Session } from '../../connectors/postgres/session.ts';
import { addHash, createHash128, murmur128 } from '../../common/hash.ts';
import { HOUR_MS } from '../../common/time.ts';
import { userActions } from '../../streams/topics/user-actions.ts';
import { createChecksums } from '../format/checksums.ts';
import { copyRows } from '../../connectors/postgres/copy-rows.ts';
import { balanceLedger } from './balance.ts';
import type { Balance, DroppedAccount, HourAccount } from './balance.ts';
import { createLedgerIndex, readLedgerRows } from './ledger-rows.ts';
import type { LedgerRow } from './ledger-rows.ts';

const CONTENT = userActions.contentColumns;

interface HotRows {
  /** By hour since the epoch, of the events' own time. */
  readonly hours: ReadonlyMap<number, readonly HourAccount[]>;
  /** Rows whose offset no ledger row has. */
  readonly unaccounted: number;
  readonly rows: number;
}

export type HotScan = HotRows & Balance;

/**
 * Reads every row of the hot table once and compares it with the ledger of `interactions`: the
 * binary COPY form of a row's content is what the ledger hashed. One snapshot, so it may run while
 * traffic flows.
 */
export async function scanHot(session: Session): Promise<HotScan> {
  return session.transaction(async () => {
    // One statement reads the whole table, however long that takes.
    await session.execute('SET LOCAL statement_timeout = 0');
    const ledger = await readLedgerRows(session);
    const dropped = await readDropped(session);
    const hot = await addUp(session, ledger);
    return { ...hot, ...balanceLedger(ledger, [...hot.hours.values()].flat(), dropped) };
  }, 'REPEATABLE READ READ ONLY');
}

async function readDropped(session: Session): Promise<DroppedAccount[]> {
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
  return rows.map((r) => ({
    partition: r.partition,
    from: r.ledger_from,
    rows: r.rows,
    id: BigInt(r.id),
    content: BigInt(r.content),
  }));
}

async function addUp(session: Session, ledger: readonly LedgerRow[]): Promise<HotRows> {
  const hours = new Map<number, Map<LedgerRow, HourAccount>>();
  const rowOf = createLedgerIndex(ledger);
  const hash = createHash128();
  let unaccounted = 0;
  let rows = 0;
  const query =
    `COPY (SELECT ${CONTENT.join(', ')}, kafka_partition, kafka_offset ` +
    'FROM rt_user_interactions) TO STDOUT (FORMAT binary)';
  for await (const { bytes, at, end } of copyRows(session.copyOut(query))) {
    let pos = at + 2;
    for (let i = 0; i < CONTENT.length; i++) {
      const length = bytes.readInt32BE(pos);
      pos += 4 + Math.max(0, length);
    }
    const partition = bytes.readInt32BE(pos + 4);
    const offset = bytes.readInt32BE(pos + 12) * 4_294_967_296 + bytes.readUInt32BE(pos + 16);
    rows++;
    const ledgerRow = rowOf(partition, offset);
    if (ledgerRow === null) {
      unaccounted++;
      continue;
    }
    const account = accountOf(hours, Math.floor(bytes.readUIntBE(at + 6, 6) / HOUR_MS), ledgerRow);
    account.rows++;
    murmur128(hash, bytes, at + 6, at + 22);
    addHash(account.id, hash);
    murmur128(hash, bytes, at + 2, pos);
    addHash(account.content, hash);
    if (pos + 20 !== end) throw new Error('a row of COPY is not as long as its fields');
  }
  return {
    hours: new Map([...hours].map(([hour, accounts]) => [hour, [...accounts.values()]])),
    unaccounted,
    rows,
  };
}

function accountOf(
  hours: Map<number, Map<LedgerRow, HourAccount>>,
  hour: number,
  ledgerRow: LedgerRow,
): HourAccount {
  let accounts = hours.get(hour);
  if (accounts === undefined) hours.set(hour, (accounts = new Map<LedgerRow, HourAccount>()));
  let account = accounts.get(ledgerRow);
  if (account === undefined)
    accounts.set(ledgerRow, (account = { ledgerRow, ...createChecksums() }));
  return account;
}
