import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  openObjectStore,
  type ObjectStore,
} from '../../../connectors/object-store/object-store.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { audit } from '../../../archive/audit/audit.ts';
import type { AuditFinding } from '../../../archive/audit/report.ts';
import type { ArchiveReport } from '../../../archive/ingest/run.ts';
import { startPostgresProxy, type PostgresProxy } from '../faults/postgres-proxy.ts';
import type { RunningProcess } from '../processes.ts';
import { createScenario, type Scenario } from '../scenario/scenario.ts';
import { startStoreProxy, type StoreProxy } from '../faults/store-proxy.ts';
import type { Environment } from '../faults/environment.ts';
import { DAY_MS, HOUR_MS } from '../../../common/time.ts';

/**
 * An archive to be hurt: a log whose time is told to it, `interactions` applying it, and runs of
 * the archive as processes that reach Postgres and the store through proxies.
 */
export interface ArchiveFixture {
  readonly environment: Environment;
  readonly scenario: Scenario;
  /** The store itself, beside the proxy. */
  readonly store: ObjectStore;
  readonly storeProxy: StoreProxy;
  readonly postgresProxy: PostgresProxy;
  readonly rowsMax: number;
  /** Epoch ms: when the last portion was received. */
  time(): number;
  /** Lets hours pass, and then a portion be received; returns when `interactions` applied it. */
  receive(hours: number, actions: number): Promise<void>;
  /** `interactions` works from the start; while it is away, what is received waits. */
  stopInteractions(): Promise<void>;
  startInteractions(): void;
  /** Starts `marquee archive run`, or another command on the archive. */
  run(options?: ArchiveRunOptions): RunningProcess;
  /** Runs the archive to its end, which must be a good one. */
  finish(options?: ArchiveRunOptions): Promise<ArchiveReport>;
  /** All that the audit finds now, with the objects of the last days read. */
  findings(whole?: boolean): Promise<readonly AuditFinding[]>;
  /** SHA-256 of the objects in the store that are not listed: what a run left that was cut short. */
  unlisted(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

export interface ArchiveRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly failpoint?: string;
  /** Of `marquee`, where it is not `archive run`. */
  readonly command?: readonly string[];
  readonly preload?: string;
  readonly label?: string;
  readonly root?: string;
}

export interface FixtureOptions {
  readonly seed: number;
  /** Records of one range. */
  readonly rowsMax: number;
  readonly catchUpMs?: number;
  readonly users?: number;
  readonly storeTimeoutMs?: number;
  /** The tree whose archive runs; this one by default. */
  readonly root?: string;
}

/** Far enough back that whatever is received in a test has left the window by the archive's clock. */
const BEGINS_DAYS_AGO = 60;
const END_MS = 300_000;
const PREFIX = 'archived-events/';

/** Expects an environment whose topic user-actions.v1 takes the producer's time, with the store up. */
export async function createArchiveFixture(
  environment: Environment,
  options: FixtureOptions,
): Promise<ArchiveFixture> {
  const { config } = environment;
  const { seed, rowsMax, catchUpMs } = options;
  const store = openObjectStore(config.objectStore);
  await empty(store);
  const storeProxy = await startStoreProxy(config.objectStore.endpoint);
  const postgresProxy = await startPostgresProxy(config.postgres.writerUrl);
  const scenario = await createScenario(
    environment,
    seed,
    catchUpMs === undefined ? {} : { catchUpMs },
  );
  let now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - BEGINS_DAYS_AGO * DAY_MS;
  let interactions: RunningProcess | null = null;
  const env: Readonly<Record<string, string>> = {
    MARQUEE_S3_ENDPOINT: storeProxy.endpoint,
    MARQUEE_S3_TIMEOUT_MS: String(options.storeTimeoutMs ?? 5_000),
    MARQUEE_PG_WRITER_URL: postgresProxy.url(config.postgres.writerUrl),
    MARQUEE_ARCHIVE_ROWS_MAX: String(rowsMax),
    MARQUEE_ARCHIVE_GRACE_MS: '0',
    MARQUEE_ARCHIVE_PREFIX: PREFIX,
    // Most of a short run is Node reading the sources.
    NODE_COMPILE_CACHE: join(environment.home, 'compiled'),
  };

  const fixture: ArchiveFixture = {
    environment,
    scenario,
    store,
    storeProxy,
    postgresProxy,
    rowsMax,
    time: () => now,
    async receive(hours, actions) {
      now += hours * HOUR_MS;
      await scenario.send(actions, {
        startMs: now,
        stamped: true,
        movies: 1,
        users: options.users ?? 200,
      });
      if (interactions !== null) await scenario.caughtUp(['interactions']);
    },
    async stopInteractions() {
      await interactions?.stop();
      interactions = null;
    },
    startInteractions() {
      // What waits at the log's end is not moved on to the clock's now: time here is the log's.
      const settings = { MARQUEE_LAG_INTERVAL_MS: '86400000' };
      interactions = environment.processes.start({ processors: ['interactions'], env: settings });
    },
    run(asked = {}) {
      const root = asked.root ?? options.root;
      return environment.processes.start({
        processors: [],
        command: asked.command ?? ['archive', 'run', '--json'],
        label: asked.label ?? 'archive',
        env: {
          ...env,
          ...(asked.failpoint === undefined ? {} : { MARQUEE_FAILPOINTS: asked.failpoint }),
          ...asked.env,
        },
        ...(asked.preload === undefined ? {} : { preload: asked.preload }),
        ...(root === undefined ? {} : { root }),
      });
    },
    async finish(asked) {
      const process = fixture.run(asked);
      const end = await process.died(END_MS);
      if (end.code !== 0) throw new Error(`a run did not end well\n${process.tail()}`);
      return JSON.parse(process.output()) as ArchiveReport;
    },
    async findings(whole = false) {
      const session = await openSession({
        url: config.postgres.readerUrl,
        applicationName: 'fault-suite',
      });
      try {
        const from = whole ? null : now - 3 * DAY_MS;
        return (await audit(session, { from, to: null, store })).findings;
      } finally {
        await session.close();
      }
    },
    async unlisted() {
      const rows = await environment.db.query<{ path: string }>('SELECT path FROM archive_files');
      const listed = new Set(rows.map(({ path }) => path));
      const found = new Map<string, string>();
      for await (const { name } of store.list(PREFIX))
        if (!listed.has(name)) found.set(name, sha256(await store.get(name)));
      return found;
    },
    async close() {
      await environment.processes.killAll();
      await empty(store);
      await scenario.close();
      await storeProxy.close();
      await postgresProxy.close();
      store.close();
    },
  };
  fixture.startInteractions();
  return fixture;
}

export function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Changes one bit of an object that is in the store and not listed yet. */
export async function changeOne({ store, unlisted }: ArchiveFixture): Promise<void> {
  const [path] = [...(await unlisted()).keys()];
  if (path === undefined) throw new Error('no object is there to be changed');
  const body = Buffer.from(await store.get(path));
  body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
  await store.put(path, body);
}

async function empty(store: ObjectStore): Promise<void> {
  for await (const { name } of store.list('')) await store.remove([name]);
}
