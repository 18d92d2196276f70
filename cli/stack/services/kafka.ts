import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import '../../../common/kafka/kafkajs-timer-patch.ts';
import { installKafkaJars } from '../install/jars.ts';
import type { Service, ServiceContext } from './service.ts';
import { runLogged } from '../host/run-logged.ts';
import { versions } from '../install/versions.ts';

const mebibyte = 1024 * 1024;

/** The broker's settings that differ from Kafka's defaults, each with its reason. */
function serverProperties(context: ServiceContext): string {
  const { ports } = context.state;
  const broker = `127.0.0.1:${ports.kafka}`;
  const controller = `127.0.0.1:${ports['kafka-controller']}`;
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    // Voters named here, not in the log: so the controller's port may change between starts.
    'controller.quorum.voters': `1@${controller}`,
    listeners: `PLAINTEXT://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${broker}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(context.dataDir, 'data'),
    // A topic is made by `marquee topics apply`, never by a typo.
    'auto.create.topics.enable': false,
    'num.partitions': 1,
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // After a kill the broker waits for its own old session to end.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    // A first consumer needn't wait for others; fault tests use short sessions.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    // The dead-letter topic takes 20 MiB records.
    'message.max.bytes': 24 * mebibyte,
    'replica.fetch.max.bytes': 24 * mebibyte,
    'socket.request.max.bytes': 100 * mebibyte,
    // Whether an event comes from the future is the processors' decision, with a reason.
    'log.message.timestamp.after.max.ms': '9223372036854775807',
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 16 * mebibyte,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${String(value)}\n`)
    .join('');
}

export const kafkaService: Service = {
  name: 'kafka',
  needsJava: true,
  stopSignal: 'SIGTERM',
  stopGraceMs: 30_000,
  readyWithinMs: 180_000,
  install: installKafkaJars,

  async configure(context) {
    mkdirSync(context.dataDir, { recursive: true });
    const properties = join(context.dataDir, 'server.properties');
    writeFileSync(properties, serverProperties(context));
    const classpath = join(context.programs, '*');
    if (!isFormatted(context)) {
      await runLogged({
        step: 'formatting of the Kafka log folder',
        command: context.java,
        args: [
          '-XX:TieredStopAtLevel=1',
          '-cp',
          classpath,
          'kafka.tools.StorageTool',
          'format',
          '--config',
          properties,
          '--cluster-id',
          context.state.clusterId,
          '--ignore-formatted',
        ],
        logFile: join(context.home, 'logs', 'kafka.log'),
        remedy: `check that ${context.dataDir} can be written.`,
      });
    }
    return {
      command: context.java,
      args: [
        '-Xms256m',
        '-Xmx768m',
        '-XX:+UseG1GC',
        '-XX:MaxGCPauseMillis=20',
        '-XX:+ExitOnOutOfMemoryError',
        '-Djava.awt.headless=true',
        `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
        '-cp',
        classpath,
        'kafka.Kafka',
        properties,
      ],
      cwd: context.dataDir,
    };
  },

  async health({ state }) {
    const kafka = new Kafka({
      clientId: 'marquee-health',
      brokers: [`127.0.0.1:${state.ports.kafka}`],
      connectionTimeout: 1000,
      requestTimeout: 2000,
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    });
    const admin = kafka.admin();
    try {
      await admin.connect();
      const cluster = await admin.describeCluster();
      if (cluster.brokers.length === 0) throw new Error('the broker is still fenced');
      if (cluster.clusterId !== state.clusterId) {
        throw new Error(`another cluster answers (${cluster.clusterId})`);
      }
      return versions.kafka;
    } finally {
      await admin.disconnect();
    }
  },
};

function isFormatted(context: ServiceContext): boolean {
  const file = join(context.dataDir, 'data', 'meta.properties');
  return existsSync(file) && readFileSync(file, 'utf8').includes(context.state.clusterId);
}
