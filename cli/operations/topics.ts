import { applyTopics, listTopics } from '../../connectors/kafka/topics.ts';
import type { TopicStep } from '../../connectors/kafka/topic-plan.ts';
import type { TopicListing } from '../../connectors/kafka/topics.ts';
import { loadConfig } from '../config/config.ts';
import { print, printJson } from '../terminal/output.ts';

export interface ApplyFlags {
  readonly dryRun?: boolean;
  readonly raisePartitions?: boolean;
  readonly json?: boolean;
}

/** The command `marquee topics apply`. Returns the exit code: 1 when a topic needs attention. */
export async function applyAllTopics(flags: ApplyFlags): Promise<number> {
  const steps = await applyTopics({
    brokers: loadConfig().kafka.brokers,
    dryRun: flags.dryRun === true,
    raisePartitions: flags.raisePartitions === true,
  });
  if (flags.json === true) printJson(steps);
  else print(describeSteps(steps, flags));
  return steps.some(({ action }) => action === 'needs_attention') ? 1 : 0;
}

/** The command `marquee topics ls`. Returns the exit code: 1 when a topic is missing. */
export async function showTopics(flags: { readonly json?: boolean }): Promise<number> {
  const rows = await listTopics({ brokers: loadConfig().kafka.brokers });
  if (flags.json === true) printJson(rows);
  else print(describeRows(rows));
  return rows.some(({ partitions }) => partitions === 0) ? 1 : 0;
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
