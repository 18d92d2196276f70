import type { Command } from 'commander';

interface Flags {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('model')
    .description('the models of the batch stage: see them, promote one, go back');
  command
    .command('ls')
    .description('runs and their models, newest first')
    .option('--json', 'as JSON')
    .action(async (flags: Flags) => {
      const { modelList } = await import('../batch/models.ts');
      await modelList(flags.json === true);
    });
  command
    .command('show')
    .description('all that is known of one; of the one that serves by default')
    .argument('[version]')
    .option('--json', 'as JSON')
    .action(async (version: string | undefined, flags: Flags) => {
      const { modelShow } = await import('../batch/models.ts');
      await modelShow(version ?? null, flags.json === true);
    });
  command
    .command('promote')
    .description('make a loaded version the one that serves, at once')
    .argument('<version>')
    .action(async (version: string) => {
      const { modelPromote } = await import('../batch/models.ts');
      await modelPromote(version);
    });
  command
    .command('rollback')
    .description('back to the version that served before, at once')
    .action(async () => {
      const { modelRollback } = await import('../batch/models.ts');
      await modelRollback();
    });
  command
    .command('load')
    .description('bring a snapshot of the object store back into Postgres, to promote it')
    .argument('<version>')
    .action(async (version: string) => {
      const { modelLoad } = await import('../batch/models.ts');
      await modelLoad(version);
    });
}
