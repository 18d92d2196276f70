import { HOUR_MS } from '../../common/time.ts';
import { userActions } from '../../streams/topics/user-actions.ts';
import type { Unbalanced } from './balance.ts';
import type { HotScan } from './hot-scan.ts';
import { placeOf } from './report.ts';
import type { AuditFinding, AuditedHours } from './report.ts';

const CHECK = 'hot table against ledger';

/** Ledger rows that the hot table doesn't make up, and rows that no ledger row has. */
export function hotFindings(
  { unbalanced, unaccounted }: Pick<HotScan, 'unbalanced' | 'unaccounted'>,
  hours: AuditedHours,
): AuditFinding[] {
  const findings = unbalanced
    .filter(({ ledgerRow }) => isWithin(ledgerRow.hour, hours))
    .map((off): AuditFinding => {
      const { partition, from, to } = off.ledgerRow;
      const place = placeOf(userActions.topic, partition, from, to);
      return { check: CHECK, place, detail: detailOf(off) };
    });
  if (unaccounted > 0)
    findings.push({
      check: CHECK,
      place: 'rt_user_interactions',
      detail: `${unaccounted} rows have an offset that no batch has applied`,
    });
  return findings;
}

function detailOf({ ledgerRow, rows, idsDiffer, contentsDiffer }: Unbalanced): string {
  const { ok } = ledgerRow;
  if (rows !== ok.rows)
    return (
      `${rows} rows in rt_user_interactions (or dropped, archived), ` + `${ok.rows} were applied`
    );
  if (idsDiffer) return 'as many rows as were applied, but of other events';
  return contentsDiffer ? 'a row was changed after it was applied' : 'sums differ';
}

function isWithin(hour: string, { from, to }: AuditedHours): boolean {
  const ms = Date.parse(hour);
  return (from === null || ms + HOUR_MS > from) && (to === null || ms < to);
}
