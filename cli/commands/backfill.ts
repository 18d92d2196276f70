import type { Command } from 'commander';

interface Flags {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('backfill')
    .description('bring history into the archive under its true dates; `ls` shows what was')
    .argument('<path>', 'a MovieLens folder, a file of JSON lines, or a folder of such files')
    .option('--dry-run', 'read and check, report what is wrong, write nothing')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (path: string, { dryRun, json }: Flags) => {
      const { runBackfill } = await import('../archive/backfill.ts');
      process.exitCode = await runBackfill(path, { dryRun: dryRun === true, json: json === true });
    });
  command
    .command('ls')
    .description('the histories that were brought in')
    .option('--json', 'as JSON')
    .action(async (_: unknown, child: Command) => {
      const { listHistory } = await import('../archive/backfill.ts');
      await listHistory(child.optsWithGlobals<Flags>().json === true);
    });
}

const HELP = `
A file is known by its hash: brought in again it changes nothing, and one that was cut short is
finished by the same command. Lines that can't be used are listed by file, line and reason, and left
out. The movies of a MovieLens set go to movies.v1. docs/archive.md has the fields of a line.
`;
