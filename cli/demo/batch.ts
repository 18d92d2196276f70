import { setTimeout as delay } from 'node:timers/promises';
import { withSession } from '../config/session.ts';
import { describe, requestOf, type BatchReport } from '../batch/run.ts';
import { runStage } from '../batch/stage.ts';
import { loadConfig, type Config } from '../config/config.ts';
import { runningBackground } from '../stack/background.ts';
import { createProgress } from '../terminal/progress.ts';
import { isThere } from './archive.ts';

const LOOK_MS = 1_000;

/** Waits for an object store that is still being built, and gives the configuration with it. */
export async function untilStore(config: Config, signal: AbortSignal): Promise<Config> {
  if (runningBackground(config.home) === null || (await isThere(config))) return config;
  const progress = createProgress(process.stderr);
  const step = progress.step('object-store');
  step.update('still being built (some minutes; Ctrl-C leaves, and keeps what is there)');
  let ready = config;
  try {
    while (!signal.aborted && runningBackground(config.home) !== null) {
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
      ready = loadConfig({ home: config.home });
      if (await isThere(ready)) {
        step.done('up');
        return ready;
      }
    }
    step.fail('not there');
    return ready;
  } finally {
    progress.close();
  }
}

/** Trains on what was archived, publishes, and shows how the models rank and one user's list. */
export async function trainAll(config: Config): Promise<string> {
  const progress = createProgress(process.stderr);
  try {
    const request = await requestOf({
      seed: 1,
      master: 'local[*]',
      memory: '3g',
      set: [],
      conf: [],
      promote: true,
    });
    const report = await runStage<BatchReport>(config, request, progress);
    return ['', 'Batch stage (Spark)', ...describe(report), ...(await readList(config))].join('\n');
  } finally {
    progress.close();
  }
}

async function readList(config: Config): Promise<string[]> {
  const rows = await withSession(config.postgres.readerUrl, 'demo', (session) =>
    session.query<{ user: string; title: string | null }>(
      `SELECT user_id AS user, title FROM active_recommendations
        WHERE user_id = (SELECT user_id FROM user_profiles
                          ORDER BY total_interactions DESC, 1 LIMIT 1)
        ORDER BY rank LIMIT 3`,
    ),
  );
  const [first] = rows;
  if (first === undefined) return [];
  return [
    `next for the busiest user, ${first.user}:`,
    ...rows.map(({ title }) => `  ${title ?? '?'}`),
  ];
}
