import { Option } from 'commander';
import type { Command } from 'commander';
import type { SqlFlags } from '../sql/run.ts';

export function register(program: Command): void {
  program
    .command('sql')
    .description('query hot and cold events as one: each once, in the view `events`')
    .option('-c, --command <sql>', 'run this, and leave')
    .addOption(
      new Option('--format <format>', 'how rows are written')
        .choices(['table', 'csv', 'json'])
        .default('table'),
    )
    .addHelpText('after', HELP)
    .action(async (flags: SqlFlags) => {
      const { runSql } = await loadSql();
      await runSql(flags);
    });
}

/** DuckDB is a native package: where it has none for the machine, only this command is away. */
async function loadSql() {
  try {
    return await import('../sql/run.ts');
  } catch (cause) {
    const { MarqueeError } = await import('../../common/error.ts');
    throw new MarqueeError(
      'MARQUEE_SQL_ENGINE',
      `DuckDB does not load on ${process.platform}-${process.arch}: ${String(cause)}`,
      { cause },
    );
  }
}

const HELP = `
Without -c it is a prompt at a terminal, and reads statements from standard input elsewhere.

  marquee sql -c "SELECT action, count(*) FROM events
                  WHERE date = '2026-11-20' GROUP BY action"
  marquee sql --format csv < report.sql > report.csv

Relations: events (columns as in the Parquet files, and date, the UTC date of occurred_at) and
manifest (the files). Filter by date: only that date's files are read. The SQL is DuckDB's.
`;
