import { spawn } from 'node:child_process';
import { MINUTE_MS } from '../../common/time.ts';

/** A program at a terminal of its own, typed at and read by what it shows. */
export interface Terminal {
  type(text: string): void;
  /** Resolves when what was shown since the last match has this in it. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<number | null>;
  kill(): void;
}

const PTY = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
const WITHIN_MS = MINUTE_MS;

export function runInTerminal(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Terminal {
  const sized = ['sh', '-c', 'stty cols 200 rows 50; exec "$@"', 'sh', ...command];
  const child = spawn('python3', ['-c', PTY, ...sized], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let seen = '';
  let look: () => void = () => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // eslint-disable-next-line no-control-regex -- what a terminal draws with
    seen += text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
    look();
  });
  return {
    type: (text) => {
      child.stdin.write(text);
    },
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`no ${String(pattern)} in ${JSON.stringify(seen)}`));
        }, WITHIN_MS);
        look = () => {
          if (!pattern.test(seen)) return;
          clearTimeout(timer);
          seen = '';
          look = () => undefined;
          resolve();
        };
        look();
      }),
    ended: new Promise((resolve) => child.once('exit', resolve)),
    // The program behind it gets a hang-up.
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
