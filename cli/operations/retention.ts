import { applyRetention } from '../../operations/retention.ts';
import type { RetentionStep } from '../../operations/retention.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { print, printJson } from '../terminal/output.ts';

/** The command `marquee retention`. */
export async function dropExpired(flags: {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}): Promise<void> {
  const { postgres, retention } = loadConfig();
  const dryRun = flags.dryRun === true;
  const steps = await withSession(postgres.writerUrl, 'retention', (session) =>
    applyRetention(session, retention, { dryRun, nowMs: Date.now() }),
  );
  if (flags.json === true) printJson(steps);
  else print(describeRetention(steps, dryRun));
}

function describeRetention(steps: readonly RetentionStep[], dryRun: boolean): string {
  return steps
    .map(({ table, before, dropped, held }) => {
      if (held !== null) return `${table}: nothing dropped: ${held}`;
      const verb = dryRun ? 'would drop' : 'dropped';
      const names = dropped.length === 0 ? 'nothing' : dropped.join(', ');
      return `${table}: ${verb} ${names} (before ${before ?? ''})`;
    })
    .join('\n');
}
