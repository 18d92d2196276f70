import type { Command } from 'commander';
import type { ApplyFlags } from '../operations/topics.ts';

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
      const { applyAllTopics } = await import('../operations/topics.ts');
      process.exitCode = await applyAllTopics(flags);
    });
  topics
    .command('ls')
    .description('partitions, records and settings of each topic')
    .option('--json', 'as JSON')
    .action(async (flags: { readonly json?: boolean }) => {
      const { showTopics } = await import('../operations/topics.ts');
      process.exitCode = await showTopics(flags);
    });
}
