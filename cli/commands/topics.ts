import type { Command } from 'commander';
import type { TopicListing, TopicStep } from '../../connectors/kafka/topics.ts';

interface ApplyFlags {
  readonly dryRun?: boolean;
  readonly raisePartitions?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const topics = program
    .command('topics')
    .description('the topics of schemas/topics, on the broker');
  topics
    .command('apply')
    .description('create what is missing and mend settings that differ; harmless to repeat')
    .option('--dry-run', 'only say what would be done')
    .option('--raise-partitions', 'raise counts that are too low (keys move to other partitions)')
    .option('--json', 'as JSON')
    .action(async (flags: ApplyFlags) => {
      const { applyTopics } = await import('../../connectors/kafka/topics.ts');
      const { loadConfig } = await import('../config/config.ts');
      const steps = await applyTopics({
        brokers: loadConfig().kafka.brokers,
        dryRun: flags.dryRun === true,
        raisePartitions: flags.raisePartitions === true,
      });
      print(flags.json === true ? JSON.stringify(steps, null, 2) : describeSteps(steps, flags));
      if (steps.some(({ action }) => action === 'needs_attention')) process.exitCode = 1;
    });
  topics
    .command('ls')
    .description('partitions, records and settings of each topic')
    .option('--json', 'as JSON')
    .action(async (flags: { readonly json?: boolean }) => {
      const { listTopics } = await import('../../connectors/kafka/topics.ts');
      const { loadConfig } = await import('../config/config.ts');
      const rows = await listTopics({ brokers: loadConfig().kafka.brokers });
      print(flags.json === true ? JSON.stringify(rows, null, 2) : describeRows(rows));
      if (rows.some(({ partitions }) => partitions === 0)) process.exitCode = 1;
    });
}

function describeSteps(steps: readonly TopicStep[], flags: ApplyFlags): string {
  const lines = steps.map(({ topic, action, detail }) => {
    return `${topic.padEnd(26)} ${action.replaceAll('_', ' ').padEnd(17)} ${detail}`;
  });
  if (flags.dryRun === true) lines.push('nothing was changed (dry run)');
  return lines.join('\n');
}

function describeRows(rows: readonly TopicListing[]): string {
  const head = `${'topic'.padEnd(26)} ${'partitions'.padStart(10)} ${'records'.padStart(12)}  settings`;
  const lines = rows.map(({ topic, partitions, records, config }) => {
    if (partitions === 0) return `${topic.padEnd(26)} missing: marquee topics apply`;
    const settings = ['cleanup.policy', 'retention.ms', 'max.message.bytes'].map((name) => {
      return `${name}=${config[name] ?? '?'}`;
    });
    const counts = `${String(partitions).padStart(10)} ${String(records).padStart(12)}`;
    return `${topic.padEnd(26)} ${counts}  ${settings.join(' ')}`;
  });
  return [head, ...lines].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
