import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../cli/stack/host/ports.ts';
import { startChild, type StartedClient } from '../runner/child.ts';

/** A sink on Kafka Connect standalone, in a process of its own. */
export interface ConnectSpec {
  /** Tells runs apart in the names of files. */
  readonly name: string;
  readonly java: string;
  /** Folder of the jars of Connect and of the sink. */
  readonly jars: string;
  readonly workDir: string;
  readonly logFile: string;
  readonly brokers: readonly string[];
  /** The schema of the JSON messages, which JsonConverter is given apart. */
  readonly schema: object;
  readonly pluginDiscovery: 'only_scan' | 'service_load';
  readonly sink: Readonly<Record<string, string>>;
  /** More of Java's options. */
  readonly javaOptions?: readonly string[];
}

export async function startConnect(spec: ConnectSpec): Promise<StartedClient> {
  const { name, workDir, javaOptions = [] } = spec;
  const worker = join(workDir, `${name}-worker.properties`);
  const sink = join(workDir, `${name}-sink.properties`);
  writeFileSync(worker, properties(await workerConfig(spec)), { mode: 0o600 });
  writeFileSync(sink, properties({ ...consumerConfig, ...spec.sink }), { mode: 0o600 });
  return startChild({
    command: spec.java,
    // The heap that Connect's own start script gives.
    args: [
      '-Xms256M',
      '-Xmx2G',
      '-XX:+UseG1GC',
      '-XX:MaxGCPauseMillis=20',
      '-Duser.timezone=UTC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
      ...javaOptions,
      '-cp',
      join(spec.jars, '*'),
      'org.apache.kafka.connect.cli.ConnectStandalone',
      worker,
      sink,
    ],
    env: {},
    logFile: spec.logFile,
    cwd: workDir,
  });
}

/** Fetches at least 1 MiB, or what came in 100 ms. */
const consumerConfig = {
  'consumer.override.auto.offset.reset': 'earliest',
  'consumer.override.fetch.min.bytes': '1048576',
  'consumer.override.fetch.max.wait.ms': '100',
  'consumer.override.max.partition.fetch.bytes': '8388608',
};

async function workerConfig({ name, workDir, brokers, schema, pluginDiscovery }: ConnectSpec) {
  return {
    'bootstrap.servers': brokers.join(','),
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'true',
    'value.converter.schema.content': JSON.stringify(schema),
    'offset.storage.file.filename': join(workDir, `${name}.offsets`),
    'offset.flush.interval.ms': '5000',
    // Everything is on the class path: a plugin folder of its own would load some jars twice.
    'plugin.discovery': pluginDiscovery,
    listeners: `http://127.0.0.1:${await freePort(new Set())}`,
  };
}

/** A configuration in the form of Java's properties files. */
function properties(config: Readonly<Record<string, string>>): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}
