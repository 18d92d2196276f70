import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('processors')
    .description('each processor: who runs it, how far it is, what became of its records')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: boolean }) => {
      const { PROCESSORS } = await import('../../streams/index.ts');
      const { loadConfig } = await import('../config/config.ts');
      const { readGroupMembers } = await import('../../operations/log-bounds.ts');
      const { describeProcessors, readProcessors } = await import('../../operations/processors.ts');
      const { print, printJson, withSession } = await import('../terminal/output.ts');
      const config = loadConfig();
      const processors = Object.values(PROCESSORS);
      const groups = processors.map((p) => `marquee.${p.name}`);
      const members = await readGroupMembers(config.kafka.brokers, groups);
      const statuses = await withSession(config.postgres.writerUrl, 'processors', (session) =>
        readProcessors(session, processors, members),
      );
      if (flags.json === true) printJson(statuses);
      else print(describeProcessors(statuses));
    });
}
