import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { print } from '../../cli/terminal/output.ts';
import { describe } from '../../cli/batch/run.ts';
import { generateWorld } from '../../cli/datagen/generate.ts';
import { onStage } from '../support/batch/stage.ts';

export interface SyntheticOptions {
  readonly events: number;
  readonly users: number;
  readonly movies: number;
  readonly seed: number;
  readonly settings: readonly string[];
}

const HOURS = 24 * 60;

/** Generates a world of known tastes, backfills it, and shows how a run of the batch stage ranks. */
export async function judgeSynthetic(options: SyntheticOptions): Promise<void> {
  print(`seed ${options.seed}`);
  await onStage(async (stage) => {
    const file = join(stage.folder, 'world.jsonl');
    await writeWorld(file, options);
    await stage.marquee(['backfill', file]);
    const report = await stage.batch(options.seed, options.settings);
    describe(report).forEach(print);
    const of = (name: string) => report.metrics[name]?.['ndcg_at_10'] ?? 0;
    print(
      `NDCG@10: ${(of('blend') / of('popularity')).toFixed(2)} times popularity's, ` +
        `${(of('blend') / of('als')).toFixed(2)} times ALS's`,
    );
  });
}

export async function writeWorld(
  file: string,
  options: Pick<SyntheticOptions, 'events' | 'users' | 'movies' | 'seed'>,
): Promise<void> {
  const plan = {
    events: options.events,
    users: options.users,
    movies: options.movies,
    seed: options.seed,
    round: 1,
    hours: HOURS,
    untilMs: Date.UTC(2026, 9, 1),
  };
  function* lines(): Generator<string> {
    for (const event of generateWorld(plan, {}))
      if (event.kind === 'action') yield `${JSON.stringify(event.action)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
}
