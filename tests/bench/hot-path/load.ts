import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip, gunzip } from 'node:zlib';
import kafkajs from 'kafkajs';
import '../../../common/kafka/kafkajs-timer-patch.ts';
import type { Admin, Message, Producer } from 'kafkajs';
import type { Step } from '../../../cli/terminal/progress.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { partitionOf } from '../../../common/partitioner.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { generateEvents, userName } from '../load/events.ts';
import type { BenchAction, EventPlan } from '../load/events.ts';
import type { BenchStack } from '../runner/stack.ts';
import { COLUMNS } from './table.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

export type Codec = 'gzip' | 'none';

/** What stands in the topics and files of a bench. */
export interface Load {
  readonly plan: EventPlan;
  readonly codec: Codec;
  readonly actions: number;
  readonly serves: number;
  /** Actions that answer a serve. */
  readonly answers: number;
  /** Bounds of occurred_at, in epoch milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly jsonTopic: string;
  /** The same rows as binary COPY bodies, in the order of the events. */
  readonly copyFiles: readonly string[];
  /** Mean bytes of a message before compression. */
  readonly avroBytes: number;
  readonly jsonBytes: number;
}

export const ACTIONS_TOPIC: TopicName = 'user-actions.v1';
export const SERVES_TOPIC: TopicName = 'recommendation-serves.v1';
const JSON_TOPIC = 'bench.user-actions.json';
const CHUNK = 8_000;
const ROWS_PER_FILE = 100_000;
const MANIFEST = 'load.json';

// kafkajs compresses at zlib's default level 6; producers of Marquee use 1.
CompressionCodecs[CompressionTypes.GZIP] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) =>
    promisify(gzip)(buffer, { level: constants.Z_BEST_SPEED }),
  decompress: (buffer: Buffer) => promisify(gunzip)(buffer),
});

/**
 * Fills the topics with the plan's events: registry Avro for Marquee, JSON with the table's columns
 * for the peers, and files for COPY. Keeps what is there when it is of the same plan (its times
 * excepted), so that a bench on a kept home need not load again.
 */
export async function loadEvents(
  stack: BenchStack,
  folder: string,
  plan: EventPlan,
  codec: Codec,
  step: Step,
): Promise<Load> {
  const kept = readManifest(folder, plan, codec);
  // What was added since (by the latency and SDK parts) would be read by all.
  if (kept !== null && (await messagesIn(stack, ACTIONS_TOPIC)) === kept.actions) {
    step.done(`${String(kept.actions)} actions are there already`);
    return kept;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const kafka = connectKafka(stack);
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    await makeTopics(admin, JSON_TOPIC);
    const load = await produce(stack, producer, folder, plan, codec, step);
    await checkOffsets(admin, load);
    writeFileSync(join(folder, MANIFEST), JSON.stringify(load));
    step.done(
      `${String(load.actions)} actions, ${String(load.serves)} serves; ` +
        `${load.avroBytes.toFixed(0)} B Avro, ${load.jsonBytes.toFixed(0)} B JSON each`,
    );
    return load;
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

export function connectKafka(stack: BenchStack) {
  return new Kafka({
    clientId: 'marquee-bench',
    brokers: [...stack.brokers],
    logLevel: logLevel.NOTHING,
  });
}

/** How many messages a topic holds; 0 when it isn't there. */
export async function messagesIn(stack: BenchStack, topic: string): Promise<number> {
  const admin = connectKafka(stack).admin();
  await admin.connect();
  try {
    const there = await admin.listTopics();
    return there.includes(topic) ? await countMessages(admin, topic) : 0;
  } finally {
    await admin.disconnect();
  }
}

/** A topic that was just made has no leader for a moment, which kafkajs throws. */
export async function countMessages(admin: Admin, topic: string): Promise<number> {
  for (const deadline = performance.now() + 20_000; ;) {
    try {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    } catch (cause) {
      if (performance.now() > deadline) throw cause;
      await delay(100);
    }
  }
}

function readManifest(folder: string, plan: EventPlan, codec: Codec): Load | null {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) return null;
  const load = JSON.parse(readFileSync(file, 'utf8')) as Load;
  const same =
    load.codec === codec &&
    load.plan.seed === plan.seed &&
    load.plan.actions === plan.actions &&
    load.plan.users === plan.users &&
    load.plan.movies === plan.movies &&
    load.plan.spanMs === plan.spanMs;
  return same ? load : null;
}

/** Makes the topics of the bench, each of them empty; JSON on one that is like the actions'. */
export async function makeTopics(admin: Admin, jsonTopic: string): Promise<void> {
  const wanted = [
    ...[ACTIONS_TOPIC, SERVES_TOPIC].map((name) => TOPICS[name]),
    { ...TOPICS[ACTIONS_TOPIC], name: jsonTopic },
  ];
  const there = new Set(await admin.listTopics());
  const old: string[] = [];
  // Offsets are told from the order of sending, so each topic begins empty.
  for (const { name } of wanted) {
    if (there.has(name) && (await countMessages(admin, name)) > 0) old.push(name);
  }
  if (old.length > 0) await admin.deleteTopics({ topics: old });
  await untilTopics(admin, (names) => !old.some((name) => names.has(name)));
  const missing = wanted.filter(({ name }) => !there.has(name) || old.includes(name));
  if (missing.length === 0) return;
  await admin.createTopics({
    waitForLeaders: false,
    topics: missing.map((topic) => ({
      topic: topic.name,
      numPartitions: topic.partitions,
      replicationFactor: 1,
      configEntries: [
        { name: 'message.timestamp.type', value: topic.timestampType },
        { name: 'retention.ms', value: String(topic.retentionMs) },
        { name: 'max.message.bytes', value: String(topic.maxMessageBytes) },
      ],
    })),
  });
  await untilTopics(admin, (names) => wanted.every(({ name }) => names.has(name)));
}

/** Waits until the broker lists its topics as wished, for ten seconds at most. */
async function untilTopics(
  admin: Admin,
  wished: (names: ReadonlySet<string>) => boolean,
): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!wished(new Set(await admin.listTopics()))) {
    if (performance.now() > deadline) throw new Error('The broker does not change its topics');
    await delay(50);
  }
}

/** Registers the schema (the same one again changes nothing) and returns its id. */
export async function schemaId(registryUrl: string, topic: TopicName): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${TOPICS[topic].subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: AVRO_SCHEMAS[topic as 'user-actions.v1'][1] }),
  });
  const body = (await response.json()) as { id?: number };
  if (typeof body.id !== 'number') {
    throw new Error(`The registry refused the schema of ${topic}: ${JSON.stringify(body)}`);
  }
  return body.id;
}

/** Messages of one topic: grouped by partition, sent in order, one request under way. */
export function createSink(producer: Producer, topic: string, partitions: number, codec: Codec) {
  const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  const counts = new Array<number>(partitions).fill(0);
  let waiting: Message[] = [];
  let sending: Promise<unknown> = Promise.resolve();
  let bytes = 0;
  return {
    counts,
    bytes: () => bytes,
    /** Returns the offset that the message will have. */
    add(partition: number, key: string, value: Buffer | string): number {
      waiting.push({ key, value, partition });
      bytes += value.length;
      const offset = counts[partition] as number;
      counts[partition] = offset + 1;
      return offset;
    },
    async flush(): Promise<void> {
      await sending;
      const messages = waiting;
      waiting = [];
      if (messages.length === 0) return;
      sending = producer.send({ topic, messages, acks: -1, compression });
      sending.catch(() => undefined);
    },
    settle: () => sending,
  };
}

async function produce(
  stack: BenchStack,
  producer: Producer,
  folder: string,
  plan: EventPlan,
  codec: Codec,
  step: Step,
): Promise<Load> {
  const { partitions } = TOPICS[ACTIONS_TOPIC];
  const [actionId, serveId] = await Promise.all([
    schemaId(stack.registryUrl, ACTIONS_TOPIC),
    schemaId(stack.registryUrl, SERVES_TOPIC),
  ]);
  const actionType = parseAvro(AVRO_SCHEMAS[ACTIONS_TOPIC][1]);
  const serveType = parseAvro(AVRO_SCHEMAS[SERVES_TOPIC][1]);
  const partitionOfUser = Uint8Array.from({ length: plan.users }, (_, user) =>
    partitionOf(userName(user), partitions),
  );
  const avro = createSink(producer, ACTIONS_TOPIC, partitions, codec);
  const json = createSink(producer, JSON_TOPIC, partitions, codec);
  const serves = createSink(producer, SERVES_TOPIC, partitions, codec);
  const files = createCopyFiles(folder);
  let actions = 0;
  let served = 0;
  let answers = 0;
  let firstMs = Infinity;
  let lastMs = -Infinity;
  const flush = (): Promise<unknown> => Promise.all([avro.flush(), json.flush(), serves.flush()]);
  for (const event of generateEvents(plan)) {
    const partition = partitionOfUser[event.user] as number;
    if (event.kind === 'serve') {
      const { serve } = event;
      serves.add(partition, serve.user_id, encodeWire(serveId, serveType, serve));
      served++;
      continue;
    }
    const { action } = event;
    const receivedMs = Date.now();
    const offset = avro.add(partition, action.user_id, encodeWire(actionId, actionType, action));
    json.add(partition, action.user_id, jsonOf(action, receivedMs, partition, offset));
    files.add(action, receivedMs, partition, offset);
    firstMs = Math.min(firstMs, action.occurred_at);
    lastMs = Math.max(lastMs, action.occurred_at);
    if (action.request_id !== null) answers++;
    actions++;
    if (actions % CHUNK === 0) await flush();
    if (actions % 100_000 === 0) step.update(`${String(actions)} of ${String(plan.actions)}`);
  }
  await flush();
  await Promise.all([avro.settle(), json.settle(), serves.settle()]);
  return {
    plan,
    codec,
    actions,
    serves: served,
    answers,
    firstMs,
    lastMs,
    jsonTopic: JSON_TOPIC,
    copyFiles: files.close(),
    avroBytes: avro.bytes() / actions,
    jsonBytes: json.bytes() / actions,
  };
}

/** One row as JSON; jsonb as text for Debezium, as an object for Pathway. */
function jsonOf(
  action: BenchAction,
  receivedMs: number,
  partition: number,
  offset: number,
): string {
  return JSON.stringify({
    event_id: formatUuid(action.event_id),
    occurred_at: isoOf(action.occurred_at),
    received_at: isoOf(receivedMs),
    movie_id: action.movie_id,
    value: action.value,
    kafka_offset: offset,
    kafka_partition: partition,
    position: action.position,
    request_id: action.request_id === null ? null : formatUuid(action.request_id),
    user_id: action.user_id,
    action: action.action,
    session_id: action.session_id,
    device: action.device,
    app: action.app,
    app_version: action.app_version,
    properties: JSON.stringify(action.properties),
    properties_object: action.properties,
  });
}

/** With an offset instead of Z: every peer's parser takes it. */
function isoOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}+00:00`;
}

function createCopyFiles(folder: string) {
  const files: string[] = [];
  const writer = new CopyWriter(32 << 20);
  const write = (): void => {
    if (writer.rows === 0) return;
    const file = join(folder, `rows-${String(files.length).padStart(4, '0')}.bin`);
    // Postgres, which reads it, may run as another user.
    writeFileSync(file, writer.take(), { mode: 0o644 });
    files.push(file);
    writer.reset();
  };
  return {
    add(action: BenchAction, receivedMs: number, partition: number, offset: number): void {
      writer.row(COLUMNS.length);
      writer.raw(action.event_id);
      writer.timestamptz(action.occurred_at);
      writer.timestamptz(receivedMs);
      writer.int8(action.movie_id);
      writer.float8(action.value);
      writer.int8(offset);
      writer.int4(partition);
      writer.int4(action.position);
      writer.raw(action.request_id);
      writer.text(action.user_id);
      writer.text(action.action);
      writer.text(action.session_id);
      writer.text(action.device);
      writer.text(action.app);
      writer.text(action.app_version);
      writer.jsonb(jsonbText(action.properties));
      if (writer.rows === ROWS_PER_FILE) write();
    },
    close(): readonly string[] {
      write();
      return files;
    },
  };
}

/** As jsonb prints it: one or no entry here, so only the space after the colon differs. */
function jsonbText(properties: Readonly<Record<string, string>>): string {
  const entry = Object.entries(properties)[0];
  if (entry === undefined) return '{}';
  return `{${JSON.stringify(entry[0])}: ${JSON.stringify(entry[1])}}`;
}

/** The offsets in the JSON and the files were counted, not told: hold them against the broker's. */
async function checkOffsets(admin: Admin, load: Load): Promise<void> {
  for (const [topic, expected] of [
    [ACTIONS_TOPIC, load.actions],
    [JSON_TOPIC, load.actions],
    [SERVES_TOPIC, load.serves],
  ] as const) {
    const found = await countMessages(admin, topic);
    if (found !== expected) {
      throw new Error(`${topic} holds ${String(found)} messages, sent were ${String(expected)}`);
    }
  }
}
