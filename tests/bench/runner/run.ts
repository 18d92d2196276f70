import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { createProgress, type Progress } from '../../../cli/terminal/progress.ts';
import type { ServiceName } from '../../../cli/stack/services/service-names.ts';
import { createAttempts, Interrupted, type Attempts } from './attempts.ts';
import { stopChildren } from './child.ts';
import { withOut } from './options.ts';
import { startBenchStack, type BenchStack } from './stack.ts';

/** Bench is what every benchmark runs in. */
export interface Bench {
  readonly progress: Progress;
  readonly attempts: Attempts;
  /** Rejects when somebody interrupts the bench: to be called inside what tidies up after `work`. */
  untilInterrupted<T>(work: Promise<T>): Promise<T>;
  /** A stack of its own with `services` besides Kafka, registry and Postgres, for as long as `work` takes. */
  onStack<T>(
    options: { readonly home?: string; readonly services?: readonly ServiceName[] },
    work: (place: BenchPlace) => Promise<T>,
  ): Promise<T>;
}

export interface BenchPlace {
  readonly stack: BenchStack;
  /** For configurations and logs of the clients. */
  readonly workDir: string;
}

/** What every result begins and ends with. */
export interface ReportFrame {
  readonly command: string;
  readonly startedAt: Date;
  /** What the reader must know: failures, differences in content. */
  readonly findings: readonly string[];
}

interface BenchSpec<Options extends { readonly out: string }, Figures> {
  /** As in `marquee bench NAME`, and in the result's file name. */
  readonly name: string;
  readonly description: string;
  /** Adds the bench's own options. */
  options(command: Command): Command;
  measure(options: Options, bench: Bench): Promise<Figures>;
  render(report: Figures & ReportFrame): string;
}

/**
 * Reads the options, measures, and writes the result as `<date>-<name>.md`. The exit code is 1 when
 * there are findings. Linux only: CPU and memory are read from /proc.
 */
export async function runBench<Options extends { readonly out: string }, Figures>(
  spec: BenchSpec<Options, Figures>,
): Promise<void> {
  const program = new Command(`marquee bench ${spec.name}`).description(spec.description);
  withOut(spec.options(program)).parse();
  const options = program.opts<Options>();
  const startedAt = new Date();
  const progress = createProgress(process.stderr);
  const attempts = createAttempts(progress);
  const untilInterrupted = raceWithSignals();
  try {
    const figures = await spec.measure(options, {
      progress,
      attempts,
      untilInterrupted,
      onStack: (asked, work) => onStack(asked, work, progress, untilInterrupted),
    });
    const { findings } = attempts;
    const command = `./marquee bench ${spec.name} ${process.argv.slice(2).join(' ')}`.trimEnd();
    const file = join(options.out, `${startedAt.toISOString().slice(0, 10)}-${spec.name}.md`);
    mkdirSync(options.out, { recursive: true });
    writeFileSync(file, spec.render({ ...figures, command, startedAt, findings }));
    progress.note(`wrote ${file}`);
    if (findings.length > 0) process.exitCode = 1;
  } catch (cause) {
    progress.close();
    process.stderr.write(`${(cause as Error).message}\n`);
    // What was interrupted still waits for its servers, which are gone.
    process.exit(1);
  } finally {
    progress.close();
  }
}

function raceWithSignals(): Bench['untilInterrupted'] {
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  interrupted.catch(() => undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => reject(new Interrupted(`stopped by ${signal}`)));
  return (work) => Promise.race([work, interrupted]);
}

async function onStack<T>(
  { home, services = [] }: { readonly home?: string; readonly services?: readonly ServiceName[] },
  work: (place: BenchPlace) => Promise<T>,
  progress: Progress,
  untilInterrupted: Bench['untilInterrupted'],
): Promise<T> {
  const stack = await startBenchStack(home, progress, services);
  const workDir = join(stack.home, 'bench');
  mkdirSync(workDir, { recursive: true });
  try {
    return await untilInterrupted(work({ stack, workDir }));
  } finally {
    await stopChildren();
    await stack.stop();
  }
}
