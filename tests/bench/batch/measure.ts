import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requestOf, type BatchReport } from '../../../cli/batch/run.ts';
import { runStage } from '../../../cli/batch/stage.ts';
import { silentProgress } from '../../../cli/terminal/progress.ts';
import { writeGeneratedEvents, type Population } from '../../support/batch/generated-events.ts';
import { withStage, type Stage } from '../../support/batch/stage.ts';
import { startMemory } from '../runner/memory.ts';
import type { Bench } from '../runner/run.ts';

export interface BatchOptions extends Omit<Population, 'events'> {
  /** Of Spark's driver. */
  readonly memory: string;
  /** Settings of the batch stage. */
  readonly set: readonly string[];
}

export interface Peer {
  readonly seconds: number;
  readonly peak: number;
  readonly nnz: number;
}

export interface BatchResult {
  readonly events: number;
  readonly report: BatchReport;
  /** Bytes of each step: what the run's processes held together at most. */
  readonly peaks: Readonly<Record<string, number>>;
  readonly peer: Peer;
}

/** A whole run on generated events, on a stack of its own, and the peer on the same matrix. */
export async function measureBatch(
  options: BatchOptions,
  events: number,
  peerPython: string,
  { progress, untilInterrupted }: Bench,
): Promise<BatchResult> {
  return withStage(async (stage) => {
    const folder = mkdtempSync(join(tmpdir(), 'marquee-bench-batch-'));
    try {
      return await untilInterrupted(measureOn(stage, options, events, peerPython, folder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, progress);
}

async function measureOn(
  stage: Stage,
  options: BatchOptions,
  events: number,
  peerPython: string,
  folder: string,
): Promise<BatchResult> {
  await backfill(stage, join(folder, 'world.jsonl'), { ...options, events });
  const { report, peaks } = await runWhole(stage, options, folder);
  const peer = await trainPeer(peerPython, join(folder, 'x.npz'));
  return { events, report, peaks, peer };
}

async function backfill(stage: Stage, file: string, population: Population): Promise<void> {
  await writeGeneratedEvents(file, population);
  await stage.marquee(['backfill', file]);
  rmSync(file);
}

async function runWhole({ stack }: Stage, options: BatchOptions, keep: string) {
  const request = await requestOf({
    ...options,
    // Publishing is measured whatever the gate thinks of the model.
    set: ['gate.popularity_ratio=0', 'gate.coverage_min=0', ...options.set],
    master: 'local[*]',
    conf: [],
    promote: true,
  });
  const memory = startMemory('marquee_batch');
  try {
    const steps = memory.watch(silentProgress);
    const report = await runStage<BatchReport>(stack.config, { ...request, keep }, steps);
    return { report, peaks: memory.peaks() };
  } finally {
    memory.stop();
  }
}

/** Factors and iterations are the batch stage's defaults. */
async function trainPeer(python: string, matrix: string): Promise<Peer> {
  const job = join(import.meta.dirname, '..', 'peers', 'implicit_job.py');
  const args = [job, matrix, '64', '15', String(cpus().length)];
  const { stdout } = await promisify(execFile)(python, args);
  return JSON.parse(stdout) as Peer;
}
