import { join } from 'node:path';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import { loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { formatCount } from '../terminal/format.ts';
import { INTERRUPTED, withInterrupt } from '../terminal/interrupt.ts';
import { createProgress } from '../terminal/progress.ts';
import type { WorldPlan } from '../datagen/plan.ts';
import { openMovieLensSource } from './movielens/movielens-source.ts';
import { openGeneratedSource } from './generated-source.ts';
import type { ImportSource } from './import-source.ts';
import { createRejects } from './rejects.ts';
import type { Rejects } from './rejects.ts';
import { describeImport, describeRejects } from './report.ts';
import { isDelivered, sendImport } from './send.ts';
import type { SendReport } from './send.ts';

/** Of rejected rows, so many are shown; the list in the home has them all. */
const REJECTS_SHOWN = 50;
/** By any of them an import stops in good order; a hangup is the end of its terminal. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface MovieLensFlags {
  readonly asLive: boolean;
  readonly until: string | undefined;
  readonly moviesOnly: boolean;
  readonly dryRun: boolean;
}

/** Kafka's id of the cluster: what was sent to another one has no part in this. */
export async function clusterIdOf(config: Config): Promise<string> {
  const { brokers } = config.kafka;
  return withAdmin({ brokers, clientId: 'marquee-import' }, async (admin) => {
    return (await admin.describeCluster()).clusterId;
  });
}

/** The command `marquee import movielens`. Returns the exit code. */
export async function importMovieLens(folder: string, flags: MovieLensFlags): Promise<number> {
  const config = loadConfig();
  const rejects = openRejects(config);
  const source = await openMovieLensSource(
    {
      ...flags,
      ...{ config, folder, nowMs: Date.now(), whenPast: 'skip' },
      clusterId: flags.dryRun || !flags.asLive ? '' : await clusterIdOf(config),
    },
    rejects,
  );
  rejects.close();
  for (const line of describeRejects(rejects)) process.stderr.write(`${line}\n`);
  if (flags.dryRun) {
    print([
      `movies     ${formatCount(source.movies.length)}`,
      `ratings    ${formatCount(source.actions)} of ${formatCount(source.users.length)} users`,
      ...describeImport(source, null, rejects),
      'Nothing was sent (dry run).',
    ]);
    return 0;
  }
  return sendSource(config, source, rejects);
}

/** The command `marquee import synthetic`. Returns the exit code. */
export async function importSynthetic(
  plan: Omit<WorldPlan, 'untilMs'>,
  until: string | undefined,
): Promise<number> {
  const config = loadConfig();
  const clusterId = await clusterIdOf(config);
  const nowMs = Date.now();
  const source = openGeneratedSource({ config, clusterId, plan, until, nowMs, whenPast: 'skip' });
  return sendSource(config, source, null);
}

export function openRejects(config: Config): Rejects {
  return createRejects(join(config.home, 'imports', 'rejected.txt'), REJECTS_SHOWN);
}

async function sendSource(
  config: Config,
  source: ImportSource,
  rejects: Rejects | null,
): Promise<number> {
  for (const note of source.notes) process.stderr.write(`${note}\n`);
  const { kafka, registry } = config;
  const report = await withInterrupt(async (signal) => {
    const progress = createProgress(process.stderr);
    try {
      return await sendImport(source, {
        ...{ brokers: kafka.brokers, registryUrl: registry.url, progress, signal },
      });
    } finally {
      progress.close();
    }
  }, STOP_SIGNALS);
  print(describeImport(source, report, rejects));
  return exitCodeOf(report);
}

function exitCodeOf(report: SendReport): number {
  if (isDelivered(report)) return 0;
  return report.interrupted ? INTERRUPTED : 1;
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
