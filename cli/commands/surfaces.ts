import type { Command } from 'commander';

const FILE = 'surfaces.yaml; <home>/surfaces.yaml by default';

export function register(program: Command): void {
  const command = program
    .command('surfaces')
    .description('what lists are like where they are shown: check the file, see what it says');
  command
    .command('check')
    .description('every fault of a file, with its line; exit code 1 when there is one')
    .argument('[file]', FILE)
    .action(async (file: string | undefined) => {
      const { surfacesCheck } = await import('../serving/surfaces.ts');
      await surfacesCheck(file ?? null);
    });
  command
    .command('show')
    .description('the surfaces and their versions; all settings of one')
    .argument('[surface]')
    .option('--file <file>', FILE)
    .option('--json', 'as JSON')
    .action(async (surface: string | undefined, flags: { file?: string; json?: boolean }) => {
      const { surfacesShow } = await import('../serving/surfaces.ts');
      await surfacesShow(surface ?? null, flags.file ?? null, flags.json === true);
    });
}
