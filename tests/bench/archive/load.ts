import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from '../../../cli/terminal/progress.ts';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { partitionOf } from '../../../common/partitioner.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { generateEvents, userName } from '../load/events.ts';
import type { BenchAction, EventPlan } from '../load/events.ts';
import {
  ACTIONS_TOPIC,
  connectKafka,
  countMessages,
  createSink,
  makeTopics,
  messagesIn,
  schemaId,
} from '../hot-path/load.ts';
import type { Codec } from '../hot-path/load.ts';
import type { BenchStack } from '../runner/stack.ts';

/** What stands in the topics: the same actions as registry Avro and, for the first plan, as JSON. */
export interface ArchiveLoad {
  readonly plan: EventPlan;
  readonly codec: Codec;
  readonly actions: number;
  readonly jsonTopic: string;
  /** Messages by partition. */
  readonly counts: readonly number[];
  /** Mean bytes of a message before compression. */
  readonly avroBytes: number;
  readonly jsonBytes: number;
}

const JSON_TOPIC = 'bench.archive.json';
const CHUNK = 8_000;

/**
 * Fills the topics, which are made anew, with the plan's actions. Keeps what is there when it is of
 * the same plan (its times excepted), so that a bench on a kept home need not load again.
 */
export async function loadArchive(
  stack: BenchStack,
  plan: EventPlan,
  codec: Codec,
  step: Step,
): Promise<ArchiveLoad> {
  const manifest = join(stack.home, 'archive-load.json');
  const kept = readManifest(manifest, plan, codec);
  const admin = connectKafka(stack).admin();
  await admin.connect();
  try {
    // What a growth added would be read by all.
    if (kept !== null && (await messagesIn(stack, ACTIONS_TOPIC)) === kept.actions) {
      step.done(`${String(kept.actions)} actions are there already`);
      return kept;
    }
    await makeTopics(admin, JSON_TOPIC);
    const sent = await send(stack, plan, codec, [], true, step);
    for (const topic of [ACTIONS_TOPIC, JSON_TOPIC]) {
      const found = await countMessages(admin, topic);
      if (found !== sent.actions)
        throw new Error(`${topic} holds ${String(found)} messages, not ${String(sent.actions)}`);
    }
    writeFileSync(manifest, JSON.stringify(sent));
    step.done(
      `${String(sent.actions)} actions; ${sent.avroBytes.toFixed(0)} B Avro, ` +
        `${sent.jsonBytes.toFixed(0)} B JSON each`,
    );
    return sent;
  } finally {
    await admin.disconnect();
  }
}

function readManifest(file: string, plan: EventPlan, codec: Codec): ArchiveLoad | null {
  if (!existsSync(file)) return null;
  const load = JSON.parse(readFileSync(file, 'utf8')) as ArchiveLoad;
  const same = (key: 'seed' | 'actions' | 'users' | 'movies' | 'spanMs') =>
    load.plan[key] === plan[key];
  return load.codec === codec &&
    same('seed') &&
    same('actions') &&
    same('users') &&
    same('movies') &&
    same('spanMs')
    ? load
    : null;
}

/** Sends more actions, as Avro alone, behind those of `load`, until there are `actions`. */
export async function growTo(
  stack: BenchStack,
  load: ArchiveLoad,
  actions: number,
  step: Step,
): Promise<ArchiveLoad> {
  const more = {
    ...load.plan,
    seed: load.plan.seed + load.actions,
    actions: actions - load.actions,
  };
  const sent = await send(stack, more, load.codec, load.counts, false, step);
  step.done(`${String(actions)} actions`);
  return { ...sent, plan: load.plan, actions, jsonBytes: load.jsonBytes };
}

async function send(
  stack: BenchStack,
  plan: EventPlan,
  codec: Codec,
  before: readonly number[],
  asJson: boolean,
  step: Step,
): Promise<ArchiveLoad> {
  const { partitions } = TOPICS[ACTIONS_TOPIC];
  const id = await schemaId(stack.registryUrl, ACTIONS_TOPIC);
  const type = parseAvro(AVRO_SCHEMAS[ACTIONS_TOPIC][1]);
  const partitionOfUser = Uint8Array.from({ length: plan.users }, (_, user) =>
    partitionOf(userName(user), partitions),
  );
  const producer = connectKafka(stack).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const avro = createSink(producer, ACTIONS_TOPIC, partitions, codec);
    const json = createSink(producer, JSON_TOPIC, partitions, codec);
    const flush = (): Promise<unknown> => Promise.all([avro.flush(), json.flush()]);
    let actions = 0;
    for (const event of generateEvents(plan)) {
      if (event.kind === 'serve') continue;
      const { action } = event;
      const partition = partitionOfUser[event.user] as number;
      const value = encodeWire(id, type, action);
      const offset = avro.add(partition, action.user_id, value) + (before[partition] ?? 0);
      if (asJson) json.add(partition, action.user_id, jsonOf(action, partition, offset));
      if (++actions % CHUNK === 0) await flush();
      if (actions % 100_000 === 0) step.update(`${String(actions)} of ${String(plan.actions)}`);
    }
    await flush();
    await Promise.all([avro.settle(), json.settle()]);
    return {
      plan,
      codec,
      actions,
      jsonTopic: JSON_TOPIC,
      counts: avro.counts.map((count, at) => count + (before[at] ?? 0)),
      avroBytes: avro.bytes() / actions,
      jsonBytes: json.bytes() / actions,
    };
  } finally {
    await producer.disconnect();
  }
}

/** One row with the columns of an archived file; times as numbers, which cost a reader least. */
function jsonOf(action: BenchAction, partition: number, offset: number): string {
  return JSON.stringify({
    event_id: formatUuid(action.event_id),
    user_id: action.user_id,
    action: action.action,
    movie_id: action.movie_id,
    value: action.value,
    occurred_at: action.occurred_at,
    received_at: Date.now(),
    session_id: action.session_id,
    request_id: action.request_id === null ? null : formatUuid(action.request_id),
    position: action.position,
    device: action.device,
    app: action.app,
    app_version: action.app_version,
    properties: action.properties,
    kafka_topic: ACTIONS_TOPIC,
    kafka_partition: partition,
    kafka_offset: offset,
  });
}
