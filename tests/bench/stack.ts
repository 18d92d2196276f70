import pg from 'pg';
import { loadConfig } from '../../cli/config.ts';
import { prepareContents } from '../../cli/stack/contents.ts';
import { adminUrl } from '../../cli/stack/parts/postgres.ts';
import type { PartName } from '../../cli/stack/part.ts';
import type { Progress } from '../../cli/stack/progress.ts';
import { createStack } from '../../cli/stack/stack.ts';
import type { StackState } from '../../cli/stack/state.ts';

/** The bench's own servers, apart from every other stack of the machine. */
export interface BenchStack {
  readonly home: string;
  readonly state: StackState;
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly postgresPort: number;
  /** The server's administrator: for set-up and checks, and for peers, which own their tables. */
  readonly adminUrl: string;
  /** Where each server's tree of processes begins. */
  readonly pids: { readonly broker: number; readonly postgres: number };
  /** A fresh connection as administrator; the caller ends it. */
  connect(): Promise<pg.Client>;
  down(): Promise<void>;
}

const PARTS: readonly PartName[] = ['kafka', 'registry', 'postgres'];

/**
 * Starts Kafka, registry and Postgres in `home` with topics, schemas and tables. Postgres keeps
 * commit timestamps: by them a run's rate is told afterwards, without a query during the run.
 */
export async function startBenchStack(home: string, progress: Progress): Promise<BenchStack> {
  const config = loadConfig({ home });
  const stack = createStack({
    home,
    cache: config.cache,
    javaHome: config.stack.javaHome,
    ports: 'free',
    progress,
  });
  let state = await stack.up(PARTS);
  const before = await connectTo(adminUrl(state));
  const { rows } = await before.query<{ setting: string }>('SHOW track_commit_timestamp');
  if (Object.values(rows[0] ?? {})[0] !== 'on') {
    await before.query('ALTER SYSTEM SET track_commit_timestamp = on');
    await before.end();
    await stack.stopPart('postgres');
    state = await stack.up(PARTS);
  } else {
    await before.end();
  }
  // Read again: the ports are in the home now.
  await prepareContents(loadConfig({ home }), progress);
  const status = await stack.status();
  const pidOf = (name: PartName): number => {
    const pid = status.find((part) => part.name === name)?.pid;
    if (pid === null || pid === undefined) throw new Error(`${name} of the bench does not run`);
    return pid;
  };
  return {
    home,
    state,
    brokers: state.config.kafka?.brokers as readonly string[],
    registryUrl: String(state.config.registry?.url),
    postgresPort: state.ports.postgres,
    adminUrl: adminUrl(state),
    pids: { broker: pidOf('kafka'), postgres: pidOf('postgres') },
    connect: () => connectTo(adminUrl(state)),
    async down() {
      await stack.down();
    },
  };
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options: '-c search_path=marquee,public' });
  await client.connect();
  return client;
}
