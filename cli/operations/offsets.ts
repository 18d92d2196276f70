import { userInfo } from 'node:os';
import { groupOf, readGroupMembers } from '../../operations/consumer-groups.ts';
import {
  applyReset,
  assertNobodyRuns,
  isSound,
  planReset,
  readPositionReports,
} from '../../operations/positions.ts';
import type { PositionReport, ResetRequest } from '../../operations/positions.ts';
import { processorNamed } from '../../operations/processor-named.ts';
import type { Processor } from '../../streams/runtime/processor.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatCount } from '../terminal/format.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';

export interface ResetFlags {
  readonly partition?: number;
  readonly to: ResetRequest['to'];
  readonly anotherLog?: boolean;
  readonly note?: string;
  readonly yes?: boolean;
}

/** The command `marquee offsets show`. Returns the exit code: 1 when a position is not sound. */
export async function showOffsets(
  name: string,
  flags: { readonly json?: boolean },
): Promise<number> {
  const processor = processorNamed(name);
  const reports = await readReports(processor);
  if (flags.json === true)
    printJson(reports.map(({ last, ...r }) => ({ ...r, lastOffset: last?.offset ?? null })));
  else print(describePositions(processor, reports));
  return reports.every(isSound) ? 0 : 1;
}

/** The command `marquee offsets reset`. Returns the exit code: 1 when nothing needs one. */
export async function resetOffsets(name: string, flags: ResetFlags): Promise<number> {
  const { kafka, postgres } = loadConfig();
  const processor = processorNamed(name);
  const wanted = (await readReports(processor)).filter((report) =>
    flags.partition === undefined
      ? !isSound(report) || flags.anotherLog === true
      : report.partition === flags.partition,
  );
  if (wanted.length === 0) {
    print(`${name}: no partition needs a reset; name one with --partition to move it anyway`);
    return 1;
  }
  const plans = wanted.map((report) =>
    planReset(report, { to: flags.to, anotherLog: flags.anotherLog === true }),
  );
  const { topic } = processor.source;
  for (const { partition, standsAt, goesOnAt, meaning } of plans)
    print(`${topic}/${partition}: from ${standsAt} to ${goesOnAt}; ${meaning}`);
  if (flags.yes !== true) {
    print('nothing was changed; say --yes to do it');
    return 0;
  }
  const group = groupOf(name);
  const members = await readGroupMembers(kafka.brokers, [group]);
  assertNobodyRuns(processor, members.get(group) ?? [], wanted);
  const note = `${userInfo().username}: ${flags.note ?? 'no reason given'}`;
  await withSession(postgres.writerUrl, 'offsets', async (session) => {
    for (const plan of plans) {
      const id = await applyReset(session, processor, plan, note);
      print(`${topic}/${plan.partition}: done, recorded as offset_resets ${id}`);
    }
  });
  return 0;
}

function readReports(processor: Processor): Promise<PositionReport[]> {
  const { kafka, postgres } = loadConfig();
  return withSession(postgres.writerUrl, 'offsets', (session) =>
    readPositionReports(session, kafka.brokers, processor),
  );
}

function describePositions(processor: Processor, reports: readonly PositionReport[]): string {
  return table(
    [
      left('partition'),
      right('stands at'),
      right('log start'),
      right('log end'),
      left('verdict'),
      left('owner'),
    ],
    reports.map(({ partition, next, log, verdict, owner, connected }) => [
      `${processor.source.topic}/${partition}`,
      formatCount(next),
      log === null ? '-' : formatCount(log.start),
      log === null ? '-' : formatCount(log.end),
      verdict,
      owner === null ? '-' : `${owner}${connected ? ' (connected)' : ''}`,
    ]),
  );
}
