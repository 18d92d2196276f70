import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('up')
    .description('start the local stack: Kafka, registry, Postgres, Valkey, object store')
    .option('--wait-all', 'also wait for what is built in the background (MinIO, node-rdkafka)')
    .action(async (options: { waitAll?: boolean }) => {
      const { bringUp } = await import('../stack/bring-up.ts');
      const { print } = await import('../terminal/output.ts');
      await bringUp({ waitAll: options.waitAll === true });
      print('The stack is up; ./marquee status shows it, ./marquee down stops it.');
    });
}
