import { spawn } from 'node:child_process';

/**
 * Runs a script of the repository with this Node, on this terminal, and returns its exit code.
 * Ctrl-C reaches the script by itself; SIGTERM is passed on, and both leave the tidying to it.
 */
export function runScript(file: string, options: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [file, ...options], { stdio: 'inherit' });
  const ignore = (): void => undefined;
  const pass = (): void => {
    child.kill('SIGTERM');
  };
  process.on('SIGINT', ignore);
  process.on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      resolve(code ?? 1);
    });
  });
}
