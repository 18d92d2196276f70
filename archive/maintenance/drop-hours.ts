import { sqlState } from '../../connectors/postgres/errors.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { hashToDecimal } from '../../common/hash.ts';
import { scanHot } from '../audit/hot-scan.ts';
import type { HotScan } from '../audit/hot-scan.ts';
import type { ArchiveContext } from '../context.ts';
import { HOUR_MS } from '../../common/time.ts';

export interface DropReport {
  /** ISO 8601: hours (of events' own time) that left the hot table. */
  readonly dropped: readonly string[];
  /** Hours beyond the window that stay for now, with the reason. */
  readonly held: readonly { readonly hour: string; readonly reason: string }[];
}

/**
 * Drops the hours that left the window and that the archive holds. The hot table is read once and
 * held against the ledger before; an hour with a ledger row that doesn't balance stays.
 */
export async function dropArchivedHours(
  session: Session,
  context: Pick<ArchiveContext, 'settings' | 'failpoint' | 'log'>,
  options: { readonly dryRun?: boolean } = {},
): Promise<DropReport> {
  const due = await session.query<{ hour: string; ms: number }>(
    `SELECT to_json(starts_at) #>> '{}' AS hour, (extract(epoch FROM starts_at) * 1000)::bigint AS ms
       FROM partitions_of('rt_user_interactions'::regclass)
      WHERE ends_at <= applied_until('interactions') - interval '48 hours' ORDER BY starts_at`,
  );
  if (due.length === 0) return { dropped: [], held: [] };
  const scan = await scanHot(session);
  const dropped: string[] = [];
  const held: { hour: string; reason: string }[] = [];
  for (const { hour, ms } of due) {
    const reason = await dropHour(session, context, scan, hour, ms, options.dryRun === true);
    if (reason === null) dropped.push(hour);
    else held.push({ hour, reason });
  }
  for (const { hour, reason } of held) context.log.warn({ event: 'hour_held', hour, reason });
  return { dropped, held };
}

/** Returns why the hour stays; null when it went. */
async function dropHour(
  session: Session,
  { settings, failpoint }: Pick<ArchiveContext, 'settings' | 'failpoint'>,
  scan: HotScan,
  hour: string,
  ms: number,
  dryRun: boolean,
): Promise<string | null> {
  const accounts = scan.hours.get(ms / HOUR_MS) ?? [];
  const off = accounts.find(({ range }) => !scan.balanced.has(range));
  if (off !== undefined)
    return (
      `the ledger's row of partition ${off.range.partition} from offset ` +
      `${off.range.from} does not balance: see \`marquee audit\``
    );
  if (scan.strangers > 0)
    return `${scan.strangers} rows of the table are in no ledger row: see \`marquee audit\``;
  if (dryRun) return null;
  try {
    await session.execute(
      `SELECT drop_archived_hour($1, $2::int[], $3::bigint[], $4::bigint[], $5::numeric[], $6::numeric[],
         $7 * interval '1 millisecond')`,
      [
        hour,
        accounts.map(({ range }) => range.partition),
        accounts.map(({ range }) => range.from),
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
