import { loadConfig } from '../config/config.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { requestOf, type BatchFlags } from './run.ts';
import { runStage } from './stage.ts';

type Trial = { readonly setting: string } & Readonly<Record<string, number | string>>;

interface Tuned {
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly trials: readonly Trial[];
}

/** The command `marquee batch tune`. Returns the exit code. */
export async function batchTune(flags: BatchFlags): Promise<number> {
  const progress = createProgress(process.stderr);
  try {
    const request = { ...(await requestOf(flags)), command: 'tune' as const };
    const { settings, trials } = await runStage<Tuned>(loadConfig(), request, progress);
    if (flags.json === true) {
      printJson({ settings, trials });
      return 0;
    }
    const figure = (trial: Trial, name: string): string => {
      const value = trial[name];
      return typeof value === 'number' ? value.toFixed(4) : '-';
    };
    const names = ['ndcg_at_10', 'recall_at_10', 'recall_at_50', 'coverage_at_10', 'rmse'];
    print(
      table(
        [left('setting'), ...['NDCG@10', 'recall@10', 'recall@50', 'cover@10', 'RMSE'].map(right)],
        trials.map((trial) => [trial.setting, ...names.map((name) => figure(trial, name))]),
      ),
    );
    print('\nChosen (the smallest that is as good as the best), for a settings file:');
    for (const section of ['als', 'item_item', 'ratings', 'blend']) {
      print(`[${section}]`);
      for (const [name, value] of Object.entries(settings[section] ?? {}))
        print(`${name} = ${JSON.stringify(value)}`);
    }
    return 0;
  } finally {
    progress.close();
  }
}
