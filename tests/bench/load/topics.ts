import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip, gunzip } from 'node:zlib';
import kafkajs from 'kafkajs';
import '../../../common/kafka/kafkajs-timer-patch.ts';
import type { Admin, Message, Producer } from 'kafkajs';
import { partitionOf } from '../../../common/partitioner.ts';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import type { Step } from '../../../cli/terminal/progress.ts';
import type { TopicCodec } from '../runner/options.ts';
import type { BenchStack } from '../runner/stack.ts';
import {
  generateEvents,
  userName,
  type BenchAction,
  type BenchServe,
  type EventPlan,
} from './events.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

export const ACTIONS_TOPIC = 'user-actions.v1' satisfies TopicName;
export const SERVES_TOPIC = 'recommendation-serves.v1' satisfies TopicName;

// kafkajs compresses at zlib's default level 6; producers of Marquee use 1.
CompressionCodecs[CompressionTypes.GZIP] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) =>
    promisify(gzip)(buffer, { level: constants.Z_BEST_SPEED }),
  decompress: (buffer: Buffer) => promisify(gunzip)(buffer),
});

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

/** Makes the topics of the bench, each of them empty; JSON on one that is like the actions'. */
export async function makeTopics(admin: Admin, jsonTopic: string): Promise<void> {
  const wanted = [
    TOPICS[ACTIONS_TOPIC],
    TOPICS[SERVES_TOPIC],
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
async function schemaId(
  registryUrl: string,
  topic: typeof ACTIONS_TOPIC | typeof SERVES_TOPIC,
): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${TOPICS[topic].subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: AVRO_SCHEMAS[topic][1] }),
  });
  const body = (await response.json()) as { id?: number };
  if (typeof body.id !== 'number') {
    throw new Error(`The registry refused the schema of ${topic}: ${JSON.stringify(body)}`);
  }
  return body.id;
}

/** An action with the place that it has in its topic. */
export interface PlacedAction {
  readonly action: BenchAction;
  readonly receivedMs: number;
  readonly partition: number;
  readonly offset: number;
}

export interface Feed {
  readonly stack: BenchStack;
  readonly plan: EventPlan;
  readonly codec: TopicCodec;
  readonly step: Step;
  /** Another topic that has the same actions as JSON, each at the same place; null: none. */
  readonly json: { readonly topic: string; of(placed: PlacedAction): string } | null;
  readonly serves: boolean;
  /** Messages that each partition has already. */
  readonly before?: readonly number[];
  seen?(placed: PlacedAction): void;
}

/** What every bench knows of what stands in its topics. */
export interface TopicLoad {
  readonly plan: EventPlan;
  readonly codec: TopicCodec;
  readonly actions: number;
  /** The topic that has the same actions as JSON. */
  readonly jsonTopic: string;
  /** Mean bytes of a message before compression. */
  readonly avroBytes: number;
  readonly jsonBytes: number;
}

export interface Fed {
  readonly actions: number;
  readonly serves: number;
  /** Actions by partition, those of before among them. */
  readonly counts: readonly number[];
  /** Mean bytes of a message before compression. */
  readonly avroBytes: number;
  readonly jsonBytes: number;
}

const CHUNK = 8_000;

/** Sends a plan's events to the topics, actions and serves as registry Avro. */
export async function feedTopics(feed: Feed): Promise<Fed> {
  const producer = connectKafka(feed.stack).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    return await send(feed, producer);
  } finally {
    await producer.disconnect();
  }
}

async function send(feed: Feed, producer: Producer): Promise<Fed> {
  const { stack, plan, codec, step, before = [] } = feed;
  const { partitions } = TOPICS[ACTIONS_TOPIC];
  const [encodeAction, encodeServe] = await Promise.all([
    encoderOf(stack, ACTIONS_TOPIC),
    encoderOf(stack, SERVES_TOPIC),
  ]);
  const partitionOfUser = Uint8Array.from({ length: plan.users }, (_, user) =>
    partitionOf(userName(user), partitions),
  );
  const avro = createSink(producer, ACTIONS_TOPIC, codec);
  const serves = createSink(producer, SERVES_TOPIC, codec);
  const json = feed.json === null ? null : createSink(producer, feed.json.topic, codec);
  const sinks = [avro, serves, ...(json === null ? [] : [json])];
  const flush = (): Promise<unknown> => Promise.all(sinks.map((sink) => sink.flush()));
  let actions = 0;
  let served = 0;
  for (const event of generateEvents(plan)) {
    const partition = partitionOfUser[event.user] as number;
    if (event.kind === 'serve') {
      if (!feed.serves) continue;
      serves.add(partition, event.serve.user_id, encodeServe(event.serve));
      served++;
      continue;
    }
    const { action } = event;
    const offset =
      avro.add(partition, action.user_id, encodeAction(action)) + (before[partition] ?? 0);
    const placed = { action, receivedMs: Date.now(), partition, offset };
    if (feed.json !== null) json?.add(partition, action.user_id, feed.json.of(placed));
    feed.seen?.(placed);
    if (++actions % CHUNK === 0) await flush();
    if (actions % 100_000 === 0) step.update(`${actions} of ${plan.actions}`);
  }
  await flush();
  await Promise.all(sinks.map((sink) => sink.settle()));
  return {
    actions,
    serves: served,
    counts: avro.counts.map((count, at) => count + (before[at] ?? 0)),
    avroBytes: avro.bytes() / actions,
    jsonBytes: (json?.bytes() ?? 0) / actions,
  };
}

async function encoderOf(
  stack: BenchStack,
  topic: typeof ACTIONS_TOPIC | typeof SERVES_TOPIC,
): Promise<(value: BenchAction | BenchServe) => Buffer> {
  const id = await schemaId(stack.registryUrl, topic);
  const type = parseAvro(AVRO_SCHEMAS[topic][1]);
  return (value) => encodeWire(id, type, value);
}

/** The offsets were counted, not told: holds how many messages topics have against the broker's word. */
export async function checkCounts(
  admin: Admin,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [topic, count] of Object.entries(expected)) {
    const found = await countMessages(admin, topic);
    if (found !== count) throw new Error(`${topic} holds ${found} messages, sent were ${count}`);
  }
}

/** A sink sends the messages of one topic in order, one request under way. */
function createSink(producer: Producer, topic: string, codec: TopicCodec) {
  const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  const counts = new Array<number>(TOPICS[ACTIONS_TOPIC].partitions).fill(0);
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
