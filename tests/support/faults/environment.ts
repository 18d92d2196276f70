import { existsSync } from 'node:fs';
import { loadConfig, readEnvironment, type Config } from '../../../cli/config/config.ts';
import { provision } from '../../../cli/stack/provision.ts';
import type { ServiceName } from '../../../cli/stack/services/service-names.ts';
import { adminUrl } from '../../../cli/stack/services/postgres.ts';
import { isFree } from '../../../cli/stack/host/ports.ts';
import { silentProgress } from '../../../cli/terminal/progress.ts';
import type { Stack } from '../../../cli/stack/stack.ts';
import { readState } from '../../../cli/stack/services/state.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import { applyTopics } from '../../../connectors/kafka/topics.ts';
import { createCodec, type Codec } from '../../../connectors/registry/codec.ts';
import { TOPICS, type TopicName } from '../../../schemas/generated/topics.ts';
import { openDatabase, type Database } from './database.ts';
import { createProcesses, type Processes } from '../processes.ts';
import { stackAt } from '../stack.ts';
import { until } from '../until.ts';
import { MINUTE_MS } from '../../../common/time.ts';

/** Servers that the faults hit. */
export const FAULT_SERVICES: readonly ServiceName[] = ['kafka', 'registry', 'postgres'];
/** And with the archive's store. */
export const ARCHIVE_FAULT_SERVICES: readonly ServiceName[] = [...FAULT_SERVICES, 'object-store'];
/** And with the cache of lists: what a run of the fault suite needs. */
export const SUITE_SERVICES: readonly ServiceName[] = [...ARCHIVE_FAULT_SERVICES, 'valkey'];

/** Real servers with topics, schemas and tables, and the processes that work on them. */
export interface Environment {
  readonly home: string;
  readonly config: Config;
  readonly adminUrl: string;
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly codec: Codec;
  /** As the server's administrator, in the schema marquee. */
  readonly db: Database;
  readonly processes: Processes;
  /** For processes of this environment. */
  readonly env: Readonly<Record<string, string>>;
  start(service: ServiceName): Promise<void>;
  /** Ends a service by a signal and returns when it is gone. */
  end(service: ServiceName, signal: NodeJS.Signals): Promise<void>;
  signal(service: ServiceName, signal: NodeJS.Signals): Promise<void>;
  /** Empty topics, empty tables, no processes. Topics `stamped` take the producer's time. */
  reset(stamped?: readonly TopicName[]): Promise<void>;
  /** Kills what processes are left and closes connections; the servers stay. */
  close(): Promise<void>;
}

/** What makes a test's processes notice faults in seconds. */
export const FAST_SETTINGS: Readonly<Record<string, string>> = {
  MARQUEE_SESSION_TIMEOUT_MS: '3000',
  MARQUEE_REBALANCE_TIMEOUT_MS: '6000',
  MARQUEE_HEARTBEAT_INTERVAL_MS: '300',
  MARQUEE_RETRY_MAX_MS: '1000',
  MARQUEE_LAG_INTERVAL_MS: '500',
  MARQUEE_KAFKA_COMMIT_INTERVAL_MS: '200',
};

/** Uses the servers of a home, which are up. */
export function openEnvironment(
  home: string,
  settings: Readonly<Record<string, string>> = {},
): Environment {
  const { cache } = loadConfig();
  const stack = stackAt(home);
  const state = readState(home);
  if (state === null) throw new Error(`${home} has no stack`);
  const config = loadConfig({ home }, { MARQUEE_CACHE: cache });
  const env = { ...baseEnvironment(home, cache), ...FAST_SETTINGS, ...settings };
  const url = adminUrl(state);
  const db = openDatabase(url);
  const processes = createProcesses(env);
  const { brokers } = config.kafka;

  return {
    home,
    config,
    adminUrl: url,
    brokers,
    registryUrl: config.registry.url,
    codec: createCodec({ url: config.registry.url }),
    db,
    processes,
    env,
    start: async (service) => {
      const { ports } = await stack.up({ names: [service], slow: 'wait' });
      if (ports[service] !== state.ports[service])
        throw new Error(
          `${service} came back on another port: somebody took ${state.ports[service]}`,
        );
    },
    end: (service, signal) => endService(stack, service, signal, state.ports[service]),
    signal: (service, signal) => stack.kill(service, signal),
    async reset(stamped = []) {
      await processes.killAll();
      await emptyTopics(brokers, stamped);
      await emptyTables(db);
    },
    async close() {
      await processes.killAll();
      await db.close();
    },
  };
}

/** Topics, schemas and tables, once for a stack. */
export function setUpEnvironment(config: Config): Promise<void> {
  return provision(config, silentProgress);
}

/** The caller's environment, but none of its settings for Marquee. */
function baseEnvironment(home: string, cache: string): Record<string, string> {
  const inherited = Object.entries(readEnvironment()).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^MARQUEE_/.test(entry[0]),
  );
  return { ...Object.fromEntries(inherited), MARQUEE_HOME: home, MARQUEE_CACHE: cache };
}

async function endService(
  stack: Stack,
  service: ServiceName,
  signal: NodeJS.Signals,
  port: number,
): Promise<void> {
  const pid = stack.pid(service);
  await stack.kill(service, signal);
  await until(`${service} to end after ${signal}`, 30_000, () => stack.pid(service) === null);
  // Postgres takes a zombie that nobody has collected yet for its living predecessor.
  await until(`${service} to be collected`, MINUTE_MS, () => !existsSync(`/proc/${String(pid)}`));
  // A process of many threads is gone to the eye before its last thread lets go of the port.
  await until(`${service} to let go of port ${port}`, 30_000, () => isFree(port));
}

async function emptyTopics(
  brokers: readonly string[],
  stamped: readonly TopicName[],
): Promise<void> {
  const names = Object.keys(TOPICS);
  await withAdmin({ brokers }, async (admin) => {
    const there = async (): Promise<string[]> =>
      (await admin.listTopics()).filter((name) => names.includes(name));
    const old = await there();
    if (old.length > 0) await admin.deleteTopics({ topics: old });
    await until('deleted topics to be gone', 20_000, async () => (await there()).length === 0);
  });
  await applyTopics({
    brokers,
    topics: Object.values(TOPICS).map((topic) =>
      stamped.includes(topic.name)
        ? { ...topic, timestampType: 'CreateTime', retentionMs: -1 }
        : topic,
    ),
  });
}

async function emptyTables(db: Database): Promise<void> {
  const tables = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname = 'marquee' AND tablename NOT IN ('schema_migrations', 'schema_views')`,
  );
  await db.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
}
