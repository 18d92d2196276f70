import { audit } from '../../archive/audit/audit.ts';
import type { AuditReport } from '../../archive/audit/report.ts';
import { loadConfig } from '../config/config.ts';
import { throttled } from '../terminal/throttled.ts';
import { withSession } from '../config/session.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { formatCount } from '../terminal/format.ts';
import { createProgress } from '../terminal/progress.ts';
import { storeOf } from './context.ts';

/** The command `marquee audit`. Returns the exit code: 1 when an account does not balance. */
export async function runAudit(flags: {
  readonly from?: number;
  readonly to?: number;
  readonly objects: boolean;
  readonly json?: boolean;
}): Promise<number> {
  const config = loadConfig();
  const store = flags.objects ? storeOf(config) : null;
  const progress = createProgress(process.stderr);
  const step = progress.step('audit');
  try {
    const report = await withSession(config.postgres.readerUrl, 'audit', (session) =>
      audit(session, {
        from: flags.from ?? null,
        to: flags.to ?? null,
        store,
        onProgress: throttled(step),
      }),
    );
    step.done(report.findings.length === 0 ? 'balanced' : 'does not balance');
    if (flags.json === true) printJson(report);
    else describe(report);
    return report.findings.length === 0 ? 0 : 1;
  } finally {
    progress.close();
    store?.close();
  }
}

function describe(report: AuditReport): void {
  const hours = new Map<string, typeof report.accounts>();
  for (const account of report.accounts)
    hours.set(account.hour, [...(hours.get(account.hour) ?? []), account]);
  const sum = (
    of: typeof report.accounts,
    key: 'records' | 'applied' | 'duplicate' | 'tooLate' | 'dead' | 'skipped',
  ) => formatCount(of.reduce((total, account) => total + account[key], 0));
  print(
    table(
      [
        left('received in'),
        right('records'),
        right('applied'),
        right('duplicate'),
        right('too late'),
        right('dead'),
        right('skipped'),
        right('archived'),
      ],
      [...hours].map(([hour, of]) => [
        hour,
        sum(of, 'records'),
        sum(of, 'applied'),
        sum(of, 'duplicate'),
        sum(of, 'tooLate'),
        sum(of, 'dead'),
        sum(of, 'skipped'),
        of.some(({ archived }) => archived === null)
          ? 'not yet'
          : formatCount(of.reduce((total, { archived }) => total + (archived ?? 0), 0)),
      ]),
    ),
  );
  print(
    `${formatCount(report.hotRows)} hot rows and ${formatCount(report.objects)} objects read in ${report.seconds.toFixed(1)} s`,
  );
  if (report.findings.length === 0) {
    print('Every record is in one account, and what is archived is what was applied.');
    return;
  }
  print(`${formatCount(report.findings.length)} findings:`);
  for (const { check, place, detail } of report.findings) print(`  ${check}: ${place}: ${detail}`);
}
