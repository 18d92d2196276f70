import { sqlState } from '../../connectors/postgres/errors.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { hashToDecimal } from '../../common/hash.ts';
import { HOUR_MS } from '../../common/time.ts';
import type { HourAccount } from '../audit/balance.ts';
import { scanHot } from '../audit/hot-scan.ts';
import type { HotScan } from '../audit/hot-scan.ts';
import type { ArchiveContext } from '../context.ts';

export interface DropReport {
  /** ISO 8601: hours (of events' own time) that left the hot table. */
  readonly dropped: readonly string[];
  /** Hours beyond the window that stay for now, with the reason. */
  readonly held: readonly { readonly hour: string; readonly reason: string }[];
}

/**
 * Drops the hours that left the window and that the archive holds. The hot table is read once and
 * compared with the ledger before; an hour with a ledger row that doesn't balance stays.
 */
export async function dropArchivedHours(
  session: Session,
  context: Pick<ArchiveContext, 'settings' | 'failpoint' | 'log'>,
): Promise<DropReport> {
  const due = await session.query<{ hour: string; ms: number }>(
    `SELECT to_json(starts_at) #>> '{}' AS hour,
            (extract(epoch FROM starts_at) * 1000)::bigint AS ms
       FROM partitions_of('rt_user_interactions'::regclass)
      WHERE ends_at <= applied_until('interactions') - interval '48 hours' ORDER BY starts_at`,
  );
  if (due.length === 0) return { dropped: [], held: [] };
  const scan = await scanHot(session);
  const dropped: string[] = [];
  const held: { hour: string; reason: string }[] = [];
  for (const { hour, ms } of due) {
    const accounts = scan.hours.get(ms / HOUR_MS) ?? [];
    const reason =
      imbalanceOf(scan, accounts) ?? (await dropHour(session, context, hour, accounts));
    if (reason === null) dropped.push(hour);
    else held.push({ hour, reason });
  }
  for (const { hour, reason } of held) context.log.warn({ event: 'hour_held', hour, reason });
  return { dropped, held };
}

/** The reason why an hour with these accounts may not go; null when all of it balances. */
export function imbalanceOf(
  { balanced, unaccounted }: Pick<HotScan, 'balanced' | 'unaccounted'>,
  accounts: readonly HourAccount[],
): string | null {
  const off = accounts.find(({ ledgerRow }) => !balanced.has(ledgerRow))?.ledgerRow;
  if (off !== undefined)
    return (
      `the ledger's row of partition ${off.partition} from offset ${off.from} does not balance: ` +
      'see `marquee audit`'
    );
  if (unaccounted === 0) return null;
  return `${unaccounted} rows of the table are in no ledger row: see \`marquee audit\``;
}

/** Null when the hour went; else the database's reason why it stays. */
async function dropHour(
  session: Session,
  { settings, failpoint }: Pick<ArchiveContext, 'settings' | 'failpoint'>,
  hour: string,
  accounts: readonly HourAccount[],
): Promise<string | null> {
  try {
    await session.execute(
      `SELECT drop_archived_hour($1, $2::int[], $3::bigint[], $4::bigint[], $5::numeric[],
         $6::numeric[], $7 * interval '1 millisecond')`,
      [
        hour,
        accounts.map(({ ledgerRow }) => ledgerRow.partition),
        accounts.map(({ ledgerRow }) => ledgerRow.from),
        accounts.map(({ rows }) => rows),
        accounts.map(({ id }) => hashToDecimal(id)),
        accounts.map(({ content }) => hashToDecimal(content)),
        settings.graceMs,
      ],
    );
    failpoint('archive_hour_dropped');
    return null;
  } catch (error) {
    const state = sqlState(error);
    if (state !== '55P03' && state !== '55000') throw error;
    return error instanceof Error ? error.message : String(error);
  }
}
