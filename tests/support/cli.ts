import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { repositoryRoot } from '../../cli/config/config.ts';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a command on that home: nothing of the tester's own settings comes in. */
export function cliEnvironment(home: string, cache: string): Record<string, string> {
  return {
    PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    HOME: homedir(),
    MARQUEE_HOME: home,
    MARQUEE_CACHE: cache,
  };
}

/** Runs `marquee <args>` to its end, as a user does; `input` is what it reads. `signal` ends it by SIGTERM. */
export function runCli(
  args: readonly string[],
  env: Record<string, string>,
  input?: string,
  signal?: AbortSignal,
): Promise<CliResult> {
  const main = join(repositoryRoot, 'cli', 'main.ts');
  const child = spawn(process.execPath, [main, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const end = (): void => {
    child.kill('SIGTERM');
  };
  signal?.addEventListener('abort', end);
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      signal?.removeEventListener('abort', end);
      resolve({ code, stdout, stderr });
    });
  });
}
