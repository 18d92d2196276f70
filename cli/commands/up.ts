import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('up')
    .description('start the local stack: Kafka, registry, Postgres, Valkey, object store')
    .action(async () => {
      const { openStack } = await import('../stack/open.ts');
      const { loadConfig } = await import('../config.ts');
      const { prepareContents } = await import('../stack/contents.ts');
      const { progress, stack, config } = openStack();
      try {
        await stack.up();
        await prepareContents(loadConfig({ home: config.home }), progress);
      } finally {
        progress.close();
      }
      process.stdout.write(
        'The stack is up; ./marquee status shows it, ./marquee down stops it.\n',
      );
    });
}
