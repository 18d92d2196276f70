import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import type { ConfigOverrides } from '../../config/config.ts';
import { serviceNames, type ServiceName } from './service-names.ts';
import { freePort, isFree, isFreeSoon } from '../host/ports.ts';

export type PortName = ServiceName | 'kafka-controller';
const portNames: readonly PortName[] = [...serviceNames, 'kafka-controller'];

/** The memory of a home: <home>/stack.json, readable by its owner alone. */
export interface StackState {
  readonly version: 1;
  readonly clusterId: string;
  readonly ports: Readonly<Record<PortName, number>>;
  readonly secrets: {
    readonly postgresAdmin: string;
    readonly postgresMigrator: string;
    readonly postgresWriter: string;
    readonly postgresReader: string;
    readonly valkey: string;
    readonly objectStore: string;
  };
  /** The layer that cli/config/config.ts reads. */
  readonly config: ConfigOverrides;
}

/** The ports to try first; 'free' takes any. */
export type PortWishes = Readonly<Record<PortName, number>> | 'free';

const stateFile = (home: string): string => join(home, 'stack.json');

export function readState(home: string): StackState | null {
  if (!existsSync(stateFile(home))) return null;
  try {
    return JSON.parse(readFileSync(stateFile(home), 'utf8')) as StackState;
  } catch (cause) {
    throw new MarqueeError(
      'MARQUEE_STACK_FAILED',
      `${stateFile(home)} cannot be read. It holds the passwords of this home: restore it, or remove the whole folder ${home}.`,
      { cause },
    );
  }
}

/**
 * The state of a home, made at its first use. A port that somebody else took meanwhile is replaced
 * by a free one and `note` says so; ports of running services stay.
 */
export async function ensureState(
  home: string,
  wishes: PortWishes,
  running: ReadonlySet<ServiceName>,
  note: (text: string) => void,
): Promise<StackState> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const old = readState(home);
  const ports = await choosePorts(old, wishes, running, note);
  const secrets = old?.secrets ?? {
    postgresAdmin: secret(),
    postgresMigrator: secret(),
    postgresWriter: secret(),
    postgresReader: secret(),
    valkey: secret(),
    objectStore: secret(),
  };
  const clusterId = old?.clusterId ?? kafkaClusterId();
  const state = {
    version: 1,
    clusterId,
    ports,
    secrets,
    config: configOf(ports, secrets),
  } as const;
  const part = `${stateFile(home)}.part`;
  writeFileSync(part, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(part, stateFile(home));
  return state;
}

async function choosePorts(
  old: StackState | null,
  wishes: PortWishes,
  running: ReadonlySet<ServiceName>,
  note: (text: string) => void,
): Promise<Record<PortName, number>> {
  const chosen = {} as Record<PortName, number>;
  const taken = new Set<number>();
  for (const name of portNames) {
    const service: ServiceName = name === 'kafka-controller' ? 'kafka' : name;
    const before = old?.ports[name];
    if (before !== undefined && running.has(service)) {
      chosen[name] = before;
    } else {
      const wished = wishes === 'free' ? before : wishes[name];
      // Clients know the port that it had; a server that was just killed leaves it in a moment.
      const free = (port: number) => (port === before ? isFreeSoon(port) : isFree(port));
      if (wished !== undefined && !taken.has(wished) && (await free(wished))) {
        chosen[name] = wished;
      } else {
        chosen[name] =
          before !== undefined && before !== wished && (await free(before))
            ? before
            : await freePort(taken);
        if (wished !== undefined) {
          note(`port ${wished} is taken: ${name} uses ${chosen[name]}`);
        }
      }
    }
    taken.add(chosen[name]);
  }
  return chosen;
}

function configOf(
  ports: Readonly<Record<PortName, number>>,
  secrets: StackState['secrets'],
): ConfigOverrides {
  const at = (name: PortName): string => `127.0.0.1:${ports[name]}`;
  const database = (role: string, password: string): string =>
    `postgres://${role}:${password}@${at('postgres')}/marquee`;
  return {
    kafka: { brokers: [at('kafka')] },
    registry: { url: `http://${at('registry')}/apis/ccompat/v7` },
    postgres: {
      migratorUrl: database('marquee_migrator', secrets.postgresMigrator),
      writerUrl: database('marquee_writer', secrets.postgresWriter),
      readerUrl: database('marquee_reader', secrets.postgresReader),
    },
    redis: { url: `redis://:${secrets.valkey}@${at('valkey')}` },
    objectStore: {
      endpoint: `http://${at('object-store')}`,
      accessKey: 'marquee',
      secretKey: secrets.objectStore,
      bucket: 'marquee',
    },
  };
}

/** Letters and digits only, so that a URL needs no escapes. */
function secret(): string {
  return randomBytes(18).toString('hex');
}

/** Kafka wants a UUID in URL-safe Base64 that doesn't begin with a dash. */
function kafkaClusterId(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
