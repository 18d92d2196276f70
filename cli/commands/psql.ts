import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('psql')
    .description('open the tables read-only, as an analyst; arguments go to psql')
    .argument('[arguments...]', 'such as -c "SELECT ..."')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => {
      const { runPsql } = await import('../sql/psql.ts');
      process.exitCode = await runPsql(args);
    });
}
