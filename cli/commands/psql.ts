import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { MarqueeError } from '../../common/error.ts';

export function register(program: Command): void {
  program
    .command('psql')
    .description('open the tables read-only, as an analyst; arguments go to psql')
    .argument('[arguments...]', 'such as -c "SELECT ..."')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => {
      const { loadConfig, readEnvironment } = await import('../config/config.ts');
      const { cachedPsql } = await import('../stack/services/postgres.ts');
      const config = loadConfig();
      const url = new URL(config.postgres.readerUrl);
      const own = cachedPsql(config.cache);
      const child = spawn(existsSync(own) ? own : 'psql', args, {
        stdio: 'inherit',
        // Not as an argument: those can be read by every user of the machine.
        env: {
          ...readEnvironment(),
          PGHOST: url.hostname,
          PGPORT: url.port,
          PGUSER: decodeURIComponent(url.username),
          PGPASSWORD: decodeURIComponent(url.password),
          PGDATABASE: url.pathname.slice(1),
        },
      });
      process.exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', (cause) => {
          reject(
            new MarqueeError('MARQUEE_SETUP_FAILED', 'psql is not there: run ./marquee up first', {
              cause,
            }),
          );
        });
        child.once('exit', (code) => {
          resolve(code ?? 1);
        });
      });
    });
}
