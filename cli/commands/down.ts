import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('down')
    .description('stop the local stack; its data stays')
    .action(async () => {
      const { openStack } = await import('../stack/open.ts');
      const { progress, stack } = openStack();
      let stopped: boolean;
      try {
        stopped = await stack.down();
      } finally {
        progress.close();
      }
      if (!stopped) process.stdout.write('Nothing was running.\n');
    });
}
