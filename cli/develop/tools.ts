import { spawn } from 'node:child_process';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { repositoryRoot } from '../config/config.ts';

export interface ToolRun {
  /** Null when the tool ended by a signal or could not be started. */
  readonly code: number | null;
  /** Standard output and error in the order written; empty when they were inherited. */
  readonly output: string;
  readonly tookMs: number;
}

/** Runs a program of node_modules/.bin, `node` itself with this very Node, or one by its path. */
export function runTool(
  tool: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: 'captured' | 'inherited' = 'captured',
): Promise<ToolRun> {
  const since = performance.now();
  const bin = join(repositoryRoot, 'node_modules', '.bin');
  const path = [dirname(process.execPath), bin, environment['PATH']].join(delimiter);
  const named = isAbsolute(tool) ? tool : join(bin, tool);
  const child = spawn(tool === 'node' ? process.execPath : named, args, {
    cwd: repositoryRoot,
    env: { ...environment, PATH: path },
    stdio: output === 'captured' ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    const end = (code: number | null, extra = ''): void => {
      const text = Buffer.concat(chunks).toString('utf8') + extra;
      resolve({ code, output: text, tookMs: performance.now() - since });
    };
    child.once('error', (error) => end(null, error.message));
    child.once('close', (code) => end(code));
  });
}
