import type { Config } from '../config.ts';
import type { Progress } from './progress.ts';

/** Puts topics, schemas and tables into a healthy stack; each is idempotent. */
export async function prepareContents(config: Config, progress: Progress): Promise<void> {
  const results = await Promise.allSettled([createTables(config, progress)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function createTables(config: Config, progress: Progress): Promise<void> {
  const { migrate } = await import('../../sql/migrate.ts');
  await stepOf(progress, 'tables', async () => {
    const { applied, version } = await migrate({ url: config.postgres.migratorUrl });
    return `${String(applied.length)} migration(s) applied, version ${String(version)}`;
  });
}

async function stepOf(
  progress: Progress,
  name: string,
  body: () => Promise<string>,
): Promise<void> {
  const step = progress.step(name);
  try {
    step.done(await body());
  } catch (error) {
    step.fail('failed');
    throw error;
  }
}
