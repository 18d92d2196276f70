import { groupOf, readGroupMembers } from '../../operations/consumer-groups.ts';
import { processorsNamed } from '../../operations/processor-named.ts';
import { readProcessors } from '../../operations/processors.ts';
import type { ProcessorStatus } from '../../operations/processors.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatCount } from '../terminal/format.ts';
import { formatTime, left, print, printJson, right, table } from '../terminal/output.ts';

/** The command `marquee processors`. */
export async function showProcessors(flags: { readonly json?: boolean }): Promise<void> {
  const { kafka, postgres } = loadConfig();
  const processors = processorsNamed([]);
  const groups = processors.map(({ name }) => groupOf(name));
  const members = await readGroupMembers(kafka.brokers, groups);
  const statuses = await withSession(postgres.writerUrl, 'processors', (session) =>
    readProcessors(session, processors, members),
  );
  if (flags.json === true) printJson(statuses);
  else print(describeProcessors(statuses));
}

function describeProcessors(statuses: readonly ProcessorStatus[]): string {
  const summary = table(
    [
      left('processor'),
      left('topic'),
      left('group'),
      right('alive'),
      left('as of'),
      right('ok'),
      right('resends'),
      right('too late'),
      right('skipped'),
      right('dead'),
      right('waiting'),
    ],
    statuses.map((s) => [
      s.processor,
      s.topic,
      s.group,
      `${s.members}`,
      formatTime(s.asOf === null ? null : Date.parse(s.asOf)),
      ...[s.ok, s.duplicates, s.tooLate, s.skipped, s.dead, s.deadWaiting].map(formatCount),
    ]),
  );
  const owners = statuses.flatMap((s) =>
    s.owners.map(({ owner, partitions, connected }) => [
      s.processor,
      partitions.join(','),
      connected ? 'connected' : s.members > 0 ? 'idle or gone' : 'gone',
      owner,
    ]),
  );
  if (owners.length === 0) return summary;
  const columns = [left('processor'), left('partitions'), left('owner is'), left('owner')];
  return `${summary}\n\n${table(columns, owners)}`;
}
