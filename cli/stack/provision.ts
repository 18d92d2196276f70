import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { withLock } from './host/lock.ts';
import type { Progress } from '../terminal/progress.ts';
import { allOrErrors, stepOf } from '../terminal/steps.ts';

/**
 * Puts topics, schemas and tables into a healthy stack; each is idempotent. One process of a home
 * at a time: Kafka and the registry refuse what somebody else makes in the same moment.
 */
export async function provision(config: Config, progress: Progress): Promise<void> {
  await withLock(join(config.home, 'provision.lock'), () =>
    allOrErrors([
      createTopics(config, progress),
      pushSchemas(config, progress),
      createTables(config, progress),
    ]),
  );
}

async function createTables(config: Config, progress: Progress): Promise<void> {
  const { migrate } = await import('../../sql/migrate.ts');
  await stepOf(progress, 'tables', async (step) => {
    const { applied, version } = await migrate({ url: config.postgres.migratorUrl });
    step.done(`${applied.length} migration(s) applied, version ${version}`);
  });
}

async function createTopics(config: Config, progress: Progress): Promise<void> {
  const { applyTopics } = await import('../../connectors/kafka/topics.ts');
  await stepOf(progress, 'topics', async (step) => {
    const steps = await applyTopics({ brokers: config.kafka.brokers });
    for (const { topic, action, detail } of steps) {
      if (action === 'needs_attention') progress.note(`topic ${topic}: ${detail}`);
    }
    step.done(summary(steps));
  });
}

async function pushSchemas(config: Config, progress: Progress): Promise<void> {
  const subjects = await import('../../connectors/registry/subjects.ts');
  await stepOf(progress, 'schemas', async (step) => {
    step.done(summary(await subjects.pushSchemas({ url: config.registry.url })));
  });
}

/** '5 unchanged', or '4 create, 1 alter_config'. */
function summary(steps: readonly { readonly action: string }[]): string {
  return [...Map.groupBy(steps, ({ action }) => action)]
    .map(([action, group]) => `${group.length} ${action.replaceAll('_', ' ')}`)
    .join(', ');
}
