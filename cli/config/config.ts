import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { MarqueeError } from '../../common/error.ts';
import { DEFAULT_ARCHIVE } from '../../archive/settings.ts';
import { DEFAULT_SETTINGS } from '../../streams/runtime/settings.ts';
import type { RuntimeSettings } from '../../streams/runtime/settings.ts';
import { DEFAULT_RETENTION, RETAINED_TABLES } from '../../operations/retention-settings.ts';
import type { RetentionSettings } from '../../operations/retention-settings.ts';
import { MINUTE_MS } from '../../common/time.ts';
import { DEFAULT_API } from '../../serving/api/api-settings.ts';
import { serveSettings } from './serve-settings.ts';
import { setting } from './setting.ts';
import type { SettingMeta } from './setting.ts';

/**
 * The one typed surface of configuration, and the only file that reads process.env.
 * A value comes from, in this order: overrides given by code, MARQUEE_* of the environment,
 * <home>/stack.json as `marquee up` wrote it, the default named here.
 */
export const repositoryRoot = resolve(import.meta.dirname, '../..');

const text = z.string().min(1);
const list = z
  .union([text.transform((value) => value.split(',').map((item) => item.trim())), z.array(text)])
  .pipe(z.array(text).min(1));
const port = z.coerce.number().int().min(1).max(65535);

const positive = z.coerce.number().int().min(1);
/** streams/runtime/settings.ts says what each means; the unit is in the name. */
const runtimeSettings = Object.fromEntries(
  Object.keys(DEFAULT_SETTINGS).map((name) => [
    name,
    setting(
      `MARQUEE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
      'processors: ' + name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      positive,
    ),
  ]),
) as Record<keyof RuntimeSettings, typeof positive>;

/** Each processor declares how long its tables keep what they hold. */
const retentionSettings = Object.fromEntries(
  RETAINED_TABLES.map((table) => [
    table.setting,
    setting(table.env, table.description, z.coerce.number().int().min(table.min)),
  ]),
) as Record<keyof RetentionSettings, typeof positive>;

const configSchema = z.object({
  home: setting('MARQUEE_HOME', 'folder that holds the data of this stack', text),
  cache: setting(
    'MARQUEE_CACHE',
    'folder of downloaded and built programs, shared by all homes',
    text,
  ),
  kafka: z.object({
    brokers: setting('MARQUEE_KAFKA_BROKERS', 'comma-separated host:port', list),
    client: setting(
      'MARQUEE_KAFKA_CLIENT',
      'client of the processors',
      z.enum(['kafkajs', 'rdkafka']),
    ),
  }),
  registry: z.object({
    url: setting(
      'MARQUEE_REGISTRY_URL',
      'schema registry, Confluent API',
      z.url({ protocol: /^https?$/ }),
    ),
  }),
  postgres: z.object({
    migratorUrl: setting('MARQUEE_PG_MIGRATOR_URL', 'owner of the tables', z.url(), {
      secret: true,
    }),
    writerUrl: setting('MARQUEE_PG_WRITER_URL', 'processors and imports', z.url(), {
      secret: true,
    }),
    readerUrl: setting('MARQUEE_PG_READER_URL', 'analysts, read-only', z.url(), { secret: true }),
  }),
  redis: z.object({
    url: setting('MARQUEE_REDIS_URL', 'Redis protocol', z.url(), { secret: true }),
  }),
  serving: z.object({
    surfacesFile: setting(
      'MARQUEE_SURFACES_FILE',
      'what each surface wants, seen from the home; without the file the built-in surfaces hold',
      text,
    ),
    spoolBytesMax: setting(
      'MARQUEE_SPOOL_BYTES_MAX',
      'served lists that wait on disk for Kafka; what would be more is lost, counted and said',
      z.coerce.number().int().min(65_536),
    ),
  }),
  objectStore: z.object({
    endpoint: setting('MARQUEE_S3_ENDPOINT', 'S3 endpoint', z.url({ protocol: /^https?$/ })),
    accessKey: setting('MARQUEE_S3_ACCESS_KEY', 'S3 access key', text),
    secretKey: setting('MARQUEE_S3_SECRET_KEY', 'S3 secret key', text, { secret: true }),
    bucket: setting('MARQUEE_S3_BUCKET', 'bucket of the archive and the models', text),
    timeoutMs: setting(
      'MARQUEE_S3_TIMEOUT_MS',
      'how long a request to the store may go without an answer before it is tried again',
      positive,
    ),
  }),
  log: z.object({
    level: setting(
      'MARQUEE_LOG_LEVEL',
      'pino level',
      z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    ),
  }),
  runtime: z.object({
    metricsPort: setting(
      'MARQUEE_METRICS_PORT',
      'loopback port of /metrics, /healthz and /readyz; 0 is any free one',
      z.coerce.number().int().min(0).max(65535),
    ),
    failpoints: setting(
      'MARQUEE_FAILPOINTS',
      'for fault tests: point:count[:signal], comma-separated',
      z.string(),
    ),
    settings: z.object(runtimeSettings),
  }),
  retention: z.object(retentionSettings),
  archive: z.object({
    schedule: setting(
      'MARQUEE_ARCHIVE_SCHEDULE',
      'when the daily run of the archive starts: five fields of cron',
      text,
    ),
    timeZone: setting('MARQUEE_ARCHIVE_TIME_ZONE', 'IANA time zone of that schedule', text),
    prefix: setting('MARQUEE_ARCHIVE_PREFIX', 'where archived files go in the bucket', text),
    rowsMax: setting(
      'MARQUEE_ARCHIVE_ROWS_MAX',
      'records of one range of the archive',
      positive.max(500_000),
    ),
    bytesMax: setting(
      'MARQUEE_ARCHIVE_BYTES_MAX',
      'bytes of the records of one range of the archive',
      positive,
    ),
    mergeBytes: setting(
      'MARQUEE_ARCHIVE_MERGE_BYTES',
      'about how large a merged file is',
      positive,
    ),
    mergeFilesMin: setting(
      'MARQUEE_ARCHIVE_MERGE_FILES_MIN',
      'small files of one date and source that make the daily run merge them',
      positive.min(2),
    ),
    graceMs: setting(
      'MARQUEE_ARCHIVE_GRACE_MS',
      'how long an hour stays hot after its files were recorded, and an object after it left the manifest',
      z.coerce.number().int().min(0),
    ),
    retentionMarginDays: setting(
      'MARQUEE_ARCHIVE_MARGIN_DAYS',
      'days that the topic must keep beyond window and late horizon',
      z.coerce.number().min(0),
    ),
    patienceMs: setting(
      'MARQUEE_ARCHIVE_PATIENCE_MS',
      'how long a run of the archive tries on while a server is away',
      positive,
    ),
    keepDays: setting(
      'MARQUEE_ARCHIVE_KEEP_DAYS',
      'days that archived files are kept, counted from when they were archived; at least 30',
      z.coerce.number().int().min(30),
    ),
  }),
  serve: serveSettings,
  stack: z.object({
    kafkaPort: setting('MARQUEE_PORT_KAFKA', 'port asked for by `up`', port),
    controllerPort: setting('MARQUEE_PORT_KAFKA_CONTROLLER', 'port asked for by `up`', port),
    registryPort: setting('MARQUEE_PORT_REGISTRY', 'port asked for by `up`', port),
    postgresPort: setting('MARQUEE_PORT_POSTGRES', 'port asked for by `up`', port),
    valkeyPort: setting('MARQUEE_PORT_VALKEY', 'port asked for by `up`', port),
    objectStorePort: setting('MARQUEE_PORT_S3', 'port asked for by `up`', port),
    objectStore: setting(
      'MARQUEE_OBJECT_STORE',
      'S3 server of `up`; auto: MinIO where Go can build it, else SeaweedFS',
      z.enum(['auto', 'minio', 'seaweedfs', 'none']),
    ),
    javaHome: setting('JAVA_HOME', 'Java 17 or newer; else `java` of PATH', z.string().optional()),
  }),
});

export type Config = DeepReadonly<z.infer<typeof configSchema>>;
export type ConfigOverrides = DeepPartial<Config>;

type DeepReadonly<T> = T extends readonly (infer I)[]
  ? readonly I[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

type Tree = { [key: string]: unknown };
type Source = 'given' | 'environment' | 'stack' | 'default';

/** One leaf as `marquee config` shows it. */
export interface ConfigEntry extends SettingMeta {
  readonly key: string;
  readonly value: string | number | readonly string[] | undefined;
  readonly source: Source;
}

/** Ports that `up` tries first: the usual one of each server with a 2 in front. */
const defaultPorts = {
  kafkaPort: 29092,
  controllerPort: 29093,
  registryPort: 28081,
  postgresPort: 25432,
  valkeyPort: 26379,
  objectStorePort: 29000,
};

function defaults(environment: NodeJS.ProcessEnv): Tree {
  const cacheBase = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const database = `127.0.0.1:${defaultPorts.postgresPort}/marquee`;
  return {
    home: join(repositoryRoot, '.marquee'),
    cache: join(cacheBase, 'marquee'),
    kafka: { brokers: [`127.0.0.1:${defaultPorts.kafkaPort}`], client: 'kafkajs' },
    registry: { url: `http://127.0.0.1:${defaultPorts.registryPort}/apis/ccompat/v7` },
    postgres: {
      migratorUrl: `postgres://marquee_migrator@${database}`,
      writerUrl: `postgres://marquee_writer@${database}`,
      readerUrl: `postgres://marquee_reader@${database}`,
    },
    serving: { surfacesFile: 'surfaces.yaml', spoolBytesMax: 256 * 1024 * 1024 },
    redis: { url: `redis://127.0.0.1:${defaultPorts.valkeyPort}` },
    objectStore: {
      endpoint: `http://127.0.0.1:${defaultPorts.objectStorePort}`,
      accessKey: 'marquee',
      secretKey: 'marquee',
      bucket: 'marquee',
      timeoutMs: MINUTE_MS,
    },
    log: { level: 'info' },
    runtime: { metricsPort: 0, failpoints: '', settings: { ...DEFAULT_SETTINGS } },
    retention: { ...DEFAULT_RETENTION },
    archive: { ...DEFAULT_ARCHIVE },
    serve: { ...DEFAULT_API },
    stack: { ...defaultPorts, objectStore: 'auto' },
  };
}

/**
 * Reads the configuration. Throws MarqueeError MARQUEE_CONFIG_INVALID that lists every wrong value
 * by its key and variable at once.
 */
export function loadConfig(
  overrides: ConfigOverrides = {},
  environment: NodeJS.ProcessEnv = process.env,
): Config {
  return explainConfig(overrides, environment).config;
}

/** The environment to hand to a child process as it is. */
export function readEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}

/** As loadConfig, with the source of each value for `marquee config`. */
export function explainConfig(
  overrides: ConfigOverrides = {},
  environment: NodeJS.ProcessEnv = process.env,
): { config: Config; entries: readonly ConfigEntry[] } {
  const base = defaults(environment);
  const home = resolve(overrides.home ?? environment['MARQUEE_HOME'] ?? String(base['home']));
  const layers: [Source, Tree][] = [
    ['given', { ...overrides, home }],
    ['stack', readStackFile(home)],
    ['default', base],
  ];
  const merged: Tree = {};
  const found: { path: string[]; meta: SettingMeta; source: Source }[] = [];
  for (const { path, meta } of settings(configSchema, [])) {
    const given = at(layers[0]?.[1] ?? {}, path);
    const fromEnvironment = environment[meta.env];
    let source: Source = 'default';
    let value: unknown;
    if (given !== undefined && !(path[0] === 'home' && overrides.home === undefined)) {
      [source, value] = ['given', given];
    } else if (fromEnvironment !== undefined && fromEnvironment !== '') {
      [source, value] = ['environment', fromEnvironment];
    } else {
      const layer = layers.slice(1).find(([, tree]) => at(tree, path) !== undefined);
      if (layer) [source, value] = [layer[0], at(layer[1], path)];
    }
    put(merged, path, value);
    found.push({ path, meta, source });
  }
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success) throw invalid(parsed.error, found);
  parsed.data.home = home;
  parsed.data.cache = resolve(parsed.data.cache);
  parsed.data.serving.surfacesFile = resolve(home, parsed.data.serving.surfacesFile);
  const config = deepFreeze(parsed.data) as Config;
  const entries = found.map(({ path, meta, source }) => ({
    ...meta,
    key: path.join('.'),
    value: at(config as unknown as Tree, path) as ConfigEntry['value'],
    source,
  }));
  return { config, entries };
}

function invalid(
  error: z.ZodError,
  found: readonly { path: string[]; meta: SettingMeta; source: Source }[],
): MarqueeError {
  const lines = error.issues.map((issue) => {
    const key = issue.path.join('.');
    const entry = found.find(({ path }) => key.startsWith(path.join('.')));
    const variable = entry === undefined ? '' : ` (${entry.meta.env}, from ${entry.source})`;
    return `  ${key}${variable}: ${issue.message}`;
  });
  return new MarqueeError(
    'MARQUEE_CONFIG_INVALID',
    `The configuration has ${lines.length} wrong value(s):\n${lines.join('\n')}`,
  );
}

/** The layer that `marquee up` left for this home; an absent file is an empty one. */
function readStackFile(home: string): Tree {
  const file = join(home, 'stack.json');
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new MarqueeError('MARQUEE_CONFIG_INVALID', `Cannot read ${file}`, { cause });
  }
  try {
    const tree = JSON.parse(content) as Tree;
    return (tree['config'] ?? {}) as Tree;
  } catch (cause) {
    throw new MarqueeError(
      'MARQUEE_CONFIG_INVALID',
      `${file} is not JSON; remove it and run ./marquee up again`,
      { cause },
    );
  }
}

function* settings(
  schema: z.ZodObject,
  path: string[],
): Generator<{ path: string[]; meta: SettingMeta }> {
  for (const [key, child] of Object.entries(schema.shape)) {
    if (child instanceof z.ZodObject) yield* settings(child, [...path, key]);
    else
      yield { path: [...path, key], meta: (child as z.ZodType).meta() as unknown as SettingMeta };
  }
}

function at(tree: Tree, path: readonly string[]): unknown {
  let node: unknown = tree;
  for (const key of path) {
    if (typeof node !== 'object' || node === null) return undefined;
    node = (node as Tree)[key];
  }
  return node;
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  const last = path.at(-1);
  if (last === undefined) return;
  let node = tree;
  for (const key of path.slice(0, -1)) node = (node[key] ??= {}) as Tree;
  node[last] = value;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
