import type { Config } from '../config.ts';
import type { Progress } from './progress.ts';
import { allOrErrors, stepOf } from './steps.ts';

/** Puts topics, schemas and tables into a healthy stack; each is idempotent. */
export async function prepareContents(config: Config, progress: Progress): Promise<void> {
  await allOrErrors([createTables(config, progress)]);
}

async function createTables(config: Config, progress: Progress): Promise<void> {
  const { migrate } = await import('../../sql/migrate.ts');
  await stepOf(progress, 'tables', async (step) => {
    const { applied, version } = await migrate({ url: config.postgres.migratorUrl });
    step.done(`${String(applied.length)} migration(s) applied, version ${String(version)}`);
  });
}
