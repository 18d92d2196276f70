import { join } from 'node:path';
import { print } from '../../cli/terminal/output.ts';
import { describe } from '../../cli/batch/run.ts';
import { writeGeneratedEvents, type Population } from '../support/batch/generated-events.ts';
import { withStage } from '../support/batch/stage.ts';

export interface SyntheticOptions extends Population {
  readonly settings: readonly string[];
}

/** Generates a world of known tastes, backfills it, and shows how a run of the batch stage ranks. */
export async function judgeSynthetic(options: SyntheticOptions): Promise<void> {
  print(`seed ${options.seed}`);
  await withStage(async (stage) => {
    const file = join(stage.folder, 'world.jsonl');
    await writeGeneratedEvents(file, options);
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
