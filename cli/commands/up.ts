import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('up')
    .description('start the local stack: Kafka, registry, Postgres, Valkey, object store')
    .option('--wait-all', 'also wait for what is built in the background (MinIO, node-rdkafka)')
    .action(async (options: { waitAll?: boolean }) => {
      const { loadConfig } = await import('../config/config.ts');
      const { installAddonStep } = await import('../stack/install/addon.ts');
      const { provision } = await import('../stack/provision.ts');
      const { openStack } = await import('../stack/open.ts');
      const { allOrErrors } = await import('../terminal/steps.ts');
      const { progress, stack, config } = openStack();
      const start = async (): Promise<void> => {
        await stack.up({ slow: options.waitAll === true ? 'wait' : 'background' });
        await provision(loadConfig({ home: config.home }), progress);
      };
      try {
        await allOrErrors([
          start(),
          ...(options.waitAll === true ? [installAddonStep(config, progress)] : []),
        ]);
      } finally {
        progress.close();
      }
      process.stdout.write(
        'The stack is up; ./marquee status shows it, ./marquee down stops it.\n',
      );
    });
}
