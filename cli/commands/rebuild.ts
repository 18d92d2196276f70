import type { Command } from 'commander';
import type { RebuildFlags } from '../archive/rebuild.ts';
import { parseTime } from '../terminal/parse.ts';

export function register(program: Command): void {
  program
    .command('rebuild')
    .description('make tables again from the archive and the log, beside the living ones')
    .argument('<table...>')
    .requiredOption('--from-archive', 'what the archive holds, then what the log has after it')
    .option(
      '--as-of <time>',
      'only what was received before (a time, or an age like 2h)',
      parseTime,
    )
    .option('--compare', 'hold them against the living tables, row for row, and drop them')
    .option('--swap', 'put them in the place of the living tables')
    .option('--no-backfill', 'without history that was backfilled into the archive')
    .option('--json', 'the report as JSON')
    .addHelpText('after', HELP)
    .action(async (tables: string[], flags: RebuildFlags) => {
      const { runRebuild } = await import('../archive/rebuild.ts');
      process.exitCode = await runRebuild(tables, flags);
    });
}

const HELP = `
Tables of one processor are made together. Without --compare or --swap they stay
in the schema marquee_replay until the next rebuild or replay. The processors may
run on; a swap makes them wait for seconds. Ends with status 1 when --compare
finds rows that differ.

  marquee rebuild user_profiles user_history --from-archive --compare
  marquee rebuild user_profiles --from-archive --as-of 2026-11-01
`;
