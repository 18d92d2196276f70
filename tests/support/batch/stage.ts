import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchReport } from '../../../cli/batch/run.ts';
import { readEnvironment } from '../../../cli/config/config.ts';
import { provision } from '../../../cli/stack/provision.ts';
import { createProgress, silentProgress, type Progress } from '../../../cli/terminal/progress.ts';
import { runCli } from '../cli.ts';
import { startStack, type TestStack } from '../stack.ts';

export interface Stage {
  readonly stack: TestStack;
  /** For files that are not kept. */
  readonly folder: string;
  /** Runs `marquee <args>` on the stack; throws with what it printed unless it went well. */
  marquee(args: readonly string[]): Promise<string>;
  /** A run of the batch stage. */
  batch(seed: number, settings: readonly string[]): Promise<BatchReport>;
}

/**
 * A stack of its own, provisioned as `marquee up` does, for as long as the work takes. How it comes
 * up is shown as steps of `shown`, or by itself.
 */
export async function withStage<T>(
  work: (stage: Stage) => Promise<T>,
  shown?: Progress,
): Promise<T> {
  const progress = shown ?? createProgress(process.stderr);
  const folder = await mkdtemp(join(tmpdir(), 'marquee-eval-'));
  const stack = await startStack({
    services: ['kafka', 'registry', 'postgres', 'object-store'],
    progress,
  });
  if (shown === undefined) progress.close();
  try {
    await provision(stack.config, silentProgress);
    const marquee = async (args: readonly string[]): Promise<string> => {
      const env = { ...readEnvironment(), MARQUEE_HOME: stack.home } as Record<string, string>;
      const { code, stdout, stderr } = await runCli(args, env);
      if (code !== 0) throw new Error(`marquee ${args.join(' ')}: ${stderr.slice(-2_000)}`);
      return stdout;
    };
    return await work({
      stack,
      folder,
      marquee,
      async batch(seed, settings) {
        const args = ['batch', 'run', '--json', '--seed', String(seed), '--no-promote'];
        // Lists are judged here; a gate that refuses would leave none.
        const open = ['gate.popularity_ratio=0', 'gate.coverage_min=0', 'gate.active_margin=1'];
        const given = [...open, ...settings].flatMap((setting) => ['--set', setting]);
        return JSON.parse(await marquee([...args, ...given])) as BatchReport;
      },
    });
  } finally {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of a whole run: its steps, whose parts are listed beside them as `step: part`. */
export function secondsOf({ seconds }: Pick<BatchReport, 'seconds'>): number {
  const steps = Object.entries(seconds).filter(([name]) => !name.includes(': '));
  return steps.reduce((sum, [, spent]) => sum + spent, 0);
}
