import type { Command } from 'commander';
import { parseCount } from '../terminal/parse.ts';
import type { CreateFlags } from '../serving/keys.ts';

export function register(program: Command): void {
  const keys = program
    .command('keys')
    .description('keys of the HTTP API: make one, see them, withdraw one');
  keys
    .command('create')
    .description('make a key and print it; it is shown this once')
    .requiredOption('--scope <scopes>', 'emit, read, admin; several with commas between them')
    .requiredOption('--app <app>', 'the app that calls; its events are recorded under this name')
    .option('--user <id>', 'may read and emit for this user alone')
    .option('--rate <n>', 'requests a second, in place of the default of the API', parseCount)
    .option('--note <text>', 'who has it and what for')
    .action(async (flags: CreateFlags) => {
      const { createKey } = await import('../serving/keys.ts');
      await createKey(flags);
    });
  keys
    .command('ls')
    .description('all keys, without their secrets')
    .option('--json', 'as JSON')
    .action(async (flags: { readonly json?: boolean }) => {
      const { showKeys } = await import('../serving/keys.ts');
      await showKeys(flags.json === true);
    });
  keys
    .command('withdraw')
    .description('refuse a key from now on; APIs that run know within 5 s')
    .argument('<id>', 'the part between mq_ and the second _')
    .action(async (id: string) => {
      const { withdraw } = await import('../serving/keys.ts');
      await withdraw(id);
    });
}
