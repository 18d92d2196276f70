import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readEnvironment } from '../../config/config.ts';
import { MarqueeError } from '../../../common/error.ts';
import { tail } from '../../terminal/text.ts';

export interface RunSpec {
  /** The work by its name, for the error: 'download of the Kafka jars'. */
  readonly step: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** The user's way out when it fails. */
  readonly remedy: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Fed to its standard input; not logged. */
  readonly input?: string;
  /** Another user to run it as; root alone may say so. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Runs a set-up command to its end, output appended to its log. Throws MarqueeError
 * MARQUEE_SETUP_FAILED that names step, log, last lines and remedy.
 */
export async function runLogged(spec: RunSpec): Promise<void> {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const shown = `${spec.command} ${spec.args.join(' ')}`;
  appendFileSync(spec.logFile, `\n${new Date().toISOString()} ${shown}\n`);
  const before = statSync(spec.logFile).size;
  const log = openSync(spec.logFile, 'a');
  let outcome: string | null;
  let cause: unknown;
  try {
    outcome = await new Promise<string | null>((resolve, reject) => {
      const child = spawn(spec.command, spec.args, {
        cwd: spec.cwd,
        env: { ...readEnvironment(), ...spec.env },
        stdio: ['pipe', log, log],
        ...spec.owner,
      });
      // A command that ends without reading its input is judged by its exit code.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(spec.input ?? '');
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve(code === 0 ? null : `exit ${String(code ?? signal)}`);
      });
    });
  } catch (error) {
    outcome = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not installed' : String(error);
    cause = error;
  } finally {
    closeSync(log);
  }
  if (outcome === null) return;
  const written = readFileSync(spec.logFile).subarray(before).toString('utf8');
  const lines = tail(written, 8);
  throw new MarqueeError(
    'MARQUEE_SETUP_FAILED',
    `The ${spec.step} failed (${spec.command}: ${outcome}).${lines === '' ? '' : `\n${lines}`}\n` +
      `Log: ${spec.logFile}\nTo do: ${spec.remedy} What was fetched is kept; the next try goes on.`,
    { cause, retriable: outcome !== 'not installed' },
  );
}
