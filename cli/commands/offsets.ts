import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { parseWhole } from '../terminal/parse.ts';

interface ResetFlags {
  readonly partition?: number;
  readonly to: 'start' | 'end' | number;
  readonly anotherLog?: boolean;
  readonly note?: string;
  readonly yes?: boolean;
}

export function register(program: Command): void {
  const offsets = program
    .command('offsets')
    .description('stored positions against the log; what to do when a partition was halted');
  offsets
    .command('show')
    .description('where a processor stands, what the log holds, and whether it is the same log')
    .argument('<processor>')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: { json?: boolean }) => {
      const { describePositions } = await import('../../operations/positions.ts');
      const { print, printJson } = await import('../terminal/output.ts');
      const { processor, reports } = await inspect(name);
      if (flags.json === true)
        printJson(reports.map(({ last, ...r }) => ({ ...r, lastOffset: last?.offset ?? null })));
      else print(describePositions(processor, reports));
      if (reports.some((r) => !r.verdict.startsWith('good'))) process.exitCode = 1;
    });
  offsets
    .command('reset')
    .description(
      'go on elsewhere, and record what was skipped; only says what it would do without --yes',
    )
    .argument('<processor>')
    .requiredOption('--to <where>', 'start, end, or an offset', parseWhere)
    .option('--partition <n>', 'one partition; else all that do not stand well', parseWhole)
    .option('--another-log', 'the topic was deleted and made again, though that cannot be seen')
    .option('--note <text>', 'why, for the record')
    .option('--yes', 'do it')
    .action(reset);
}

async function reset(name: string, flags: ResetFlags): Promise<void> {
  const { userInfo } = await import('node:os');
  const { loadConfig } = await import('../config/config.ts');
  const { applyReset, assertNobodyRuns, planReset } = await import('../../operations/positions.ts');
  const { readGroupMembers } = await import('../../operations/log-bounds.ts');
  const { print, withSession } = await import('../terminal/output.ts');
  const { kafka, postgres } = loadConfig();
  const { processor, reports } = await inspect(name);
  const wanted = reports.filter((r) =>
    flags.partition === undefined
      ? !r.verdict.startsWith('good') || flags.anotherLog === true
      : r.partition === flags.partition,
  );
  if (wanted.length === 0) {
    print(`${name}: no partition needs a reset; name one with --partition to move it anyway`);
    process.exitCode = 1;
    return;
  }
  const plans = wanted.map((report) =>
    planReset(report, { to: flags.to, anotherLog: flags.anotherLog === true }),
  );
  for (const plan of plans)
    print(
      `${processor.source.topic}/${plan.partition}: from ${plan.standsAt} to ${plan.goesOnAt}; ${plan.meaning}`,
    );
  if (flags.yes !== true) {
    print('nothing was changed; say --yes to do it');
    return;
  }
  const group = `marquee.${processor.name}`;
  const members = await readGroupMembers(kafka.brokers, [group]);
  assertNobodyRuns(processor, members.get(group) ?? [], wanted);
  const note = `${userInfo().username}: ${flags.note ?? 'no reason given'}`;
  await withSession(postgres.writerUrl, 'offsets', async (session) => {
    for (const plan of plans) {
      const id = await applyReset(session, processor, plan, note);
      print(`${processor.source.topic}/${plan.partition}: done, recorded as offset_resets ${id}`);
    }
  });
}

async function inspect(name: string) {
  const { loadConfig } = await import('../config/config.ts');
  const { processorNamed } = await import('../../operations/processor-named.ts');
  const { readLogBounds } = await import('../../operations/log-bounds.ts');
  const { inspectPositions, readPositions } = await import('../../operations/positions.ts');
  const { withSession } = await import('../terminal/output.ts');
  const { kafka, postgres } = loadConfig();
  const processor = processorNamed(name);
  const { topic } = processor.source;
  const bounds = (await readLogBounds(kafka.brokers, [topic])).get(topic) ?? new Map();
  const positions = await withSession(postgres.writerUrl, 'offsets', (session) =>
    readPositions(session, processor),
  );
  const reports = await inspectPositions(kafka.brokers, processor, positions, bounds);
  return { processor, reports };
}

function parseWhere(text: string): 'start' | 'end' | number {
  if (text === 'start' || text === 'end') return text;
  if (/^\d+$/.test(text)) return parseWhole(text);
  throw new InvalidArgumentError('expected start, end or an offset');
}
