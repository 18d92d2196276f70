import pg from 'pg';
import type { Config } from '../../../cli/config/config.ts';
import { provision } from '../../../cli/stack/provision.ts';
import type { ServiceName } from '../../../cli/stack/services/service-names.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { startStack } from '../../support/stack.ts';
import type { TestStack } from '../../support/stack.ts';

export interface BenchPids {
  readonly broker: number;
  readonly postgres: number;
  readonly store?: number;
  readonly cache?: number;
}

/** The bench's own servers, apart from every other stack of the machine. */
export interface BenchStack {
  readonly home: string;
  readonly config: Config;
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** The server's administrator: for set-up and checks, and for peers, which own their tables. */
  readonly adminUrl: string;
  /** Where each server's tree of processes begins. */
  readonly pids: BenchPids;
  /** A fresh connection as administrator, search path marquee; the caller ends it. */
  connect(): Promise<pg.Client>;
  /** Stops the servers; the folder goes unless it was given. */
  stop(): Promise<void>;
}

const SERVICES: readonly ServiceName[] = ['kafka', 'registry', 'postgres'];

/**
 * Starts Kafka, registry, Postgres and `extra`, in `home` when it is given, with topics, schemas and
 * tables.
 * Postgres keeps commit timestamps: by them a run's rate is told afterwards, without a query
 * during the run.
 */
export async function startBenchStack(
  home: string | undefined,
  progress: Progress,
  extra: readonly ServiceName[] = [],
): Promise<BenchStack> {
  const stack = await startStack({
    services: [...SERVICES, ...extra],
    progress,
    ...(home === undefined ? {} : { home }),
  });
  try {
    await keepCommitTimestamps(stack);
    await provision(stack.config, progress);
    return {
      home: stack.home,
      config: stack.config,
      brokers: stack.config.kafka.brokers,
      registryUrl: stack.config.registry.url,
      adminUrl: stack.adminUrl,
      pids: {
        broker: pidOf(stack, 'kafka'),
        postgres: pidOf(stack, 'postgres'),
        ...(extra.includes('object-store') ? { store: pidOf(stack, 'object-store') } : {}),
        ...(extra.includes('valkey') ? { cache: pidOf(stack, 'valkey') } : {}),
      },
      connect: () => connectTo(stack.adminUrl),
      stop: () => stack.stop(),
    };
  } catch (cause) {
    await stack.stop();
    throw cause;
  }
}

function pidOf(stack: TestStack, service: ServiceName): number {
  const pid = stack.pid(service);
  if (pid === null) throw new Error(`${service} of the bench does not run`);
  return pid;
}

async function keepCommitTimestamps(stack: TestStack): Promise<void> {
  const sql = await connectTo(stack.adminUrl);
  try {
    const { rows } = await sql.query<{ on: boolean }>(
      `SELECT current_setting('track_commit_timestamp')::bool AS on`,
    );
    if (rows[0]?.on === true) return;
    await sql.query('ALTER SYSTEM SET track_commit_timestamp = on');
  } finally {
    await sql.end();
  }
  await stack.restart('postgres');
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c search_path=marquee,public',
  });
  // A server that is stopped ends its sessions; whoever waits for a query is told by that query.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
