import type { Command } from 'commander';

interface MovieLensFlags {
  readonly asLive?: boolean;
  readonly until?: string;
  readonly moviesOnly?: boolean;
  readonly dryRun?: boolean;
}

interface SyntheticFlags {
  readonly users: number;
  readonly movies: number;
  readonly events: number;
  readonly seed: number;
  readonly round: number;
  readonly hours: number;
  readonly until?: string;
}

export function register(program: Command): void {
  const command = program
    .command('import')
    .description('publish a catalogue and emit actions: MovieLens, or a synthetic world');
  command
    .command('movielens')
    .description('movies.csv, links.csv and tags.csv to movies.v1, ratings.csv as rate actions')
    .argument('<dir>', 'an unpacked MovieLens set')
    .option('--as-live', 'squeeze all times, order kept, into the last 12 hours')
    .option('--until <time>', 'with --as-live: when the last rating happens (a time, or `now`)')
    .option('--movies-only', 'publish the catalogue and leave the ratings')
    .option('--dry-run', 'read and check the files, report what is wrong, send nothing')
    .addHelpText('after', MOVIELENS_HELP)
    .action(async (folder: string, flags: MovieLensFlags) => {
      const { importMovieLens } = await import('../import/run-import.ts');
      process.exitCode = await importMovieLens(folder, {
        asLive: flags.asLive === true,
        until: flags.until,
        moviesOnly: flags.moviesOnly === true,
        dryRun: flags.dryRun === true,
      });
    });
  command
    .command('synthetic')
    .description('a made-up catalogue and users with tastes, and what they did in the last hours')
    .option('--users <n>', 'users', Number, 600)
    .option('--movies <n>', 'movies', Number, 1200)
    .option('--events <n>', 'user actions; what was served comes on top', Number, 100000)
    .option('--seed <n>', 'which world: its movies, users and tastes', Number, 1)
    .option('--round <n>', 'which visits: another one is more traffic of that world', Number, 1)
    .option('--hours <n>', 'the events lie in so many last hours', Number, 12)
    .option('--until <time>', 'when the last event may happen (a time, or `now`)')
    .action(async (flags: SyntheticFlags) => {
      const { importSynthetic: importWorld } = await import('../import/run-import.ts');
      const { until, ...plan } = flags;
      process.exitCode = await importWorld(plan, until);
    });
}

const MOVIELENS_HELP = `
Event ids follow from the data, so sending the same import again changes nothing. With --as-live they
follow from its end too, which the home remembers: an import that was interrupted goes on when the
command is run again. Rows that can't be used are listed by file, line and reason, and left out.
Exit code 0 unless files are missing or something was not delivered.`;
