import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { userActions } from '../../streams/topics/user-actions.ts';
import { accountOf, compareWithArchive, readHourAccounts } from './hour-accounts.ts';
import { hotFindings } from './hot-findings.ts';
import { scanHot } from './hot-scan.ts';
import { deadLetterFindings, ledgerGaps } from './ledger-checks.ts';
import { manifestFindings, rangeGaps } from './manifest-checks.ts';
import { checkObjects } from './object-checks.ts';
import type { AuditFinding, AuditReport, AuditedHours } from './report.ts';

export interface AuditOptions extends AuditedHours {
  /** Null: the objects stay unread. */
  readonly store: ObjectStore | null;
  onProgress?(what: string): void;
}

/**
 * Compares ledger, hot table, archive and dead letters with each other. Every record that
 * `interactions` read is in one account; what the archive covers is there with the same ids and
 * contents; each listed object is what was recorded. May run while traffic flows.
 */
export async function audit(session: Session, options: AuditOptions): Promise<AuditReport> {
  const started = performance.now();
  const { topic } = userActions;
  const { store, onProgress } = options;
  const findings: AuditFinding[] = [];
  onProgress?.('reading the hot table');
  const scan = await scanHot(session);
  findings.push(...hotFindings(scan, options));
  onProgress?.('comparing the ledgers');
  findings.push(...(await ledgerGaps(session)));
  const rows = await readHourAccounts(session, topic, options);
  findings.push(...compareWithArchive(topic, rows));
  findings.push(...(await deadLetterFindings(session, topic, options)));
  findings.push(...(await rangeGaps(session, topic)));
  findings.push(...(await manifestFindings(session)));
  const objects =
    store === null ? 0 : await checkObjects(session, store, options, findings, onProgress);
  return {
    topic,
    accounts: rows.map(accountOf),
    hotRows: scan.rows,
    objects,
    findings,
    seconds: (performance.now() - started) / 1000,
  };
}
