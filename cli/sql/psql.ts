import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { MarqueeError } from '../../common/error.ts';
import { loadConfig, readEnvironment } from '../config/config.ts';
import { postgresExports } from '../config/exports.ts';
import { cachedPsql } from '../stack/services/postgres.ts';

/**
 * The command `marquee psql`: the stack's own psql, else that of the PATH. Returns its exit code.
 */
export function runPsql(args: readonly string[]): Promise<number> {
  const { cache, postgres } = loadConfig();
  const own = cachedPsql(cache);
  const child = spawn(existsSync(own) ? own : 'psql', args, {
    stdio: 'inherit',
    // Not as an argument: those can be read by every user of the machine.
    env: { ...readEnvironment(), ...postgresExports(postgres.readerUrl) },
  });
  return new Promise<number>((resolve, reject) => {
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
}
