import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from '../../../cli/terminal/progress.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import { isSamePlan, type EventPlan } from '../load/events.ts';
import {
  ACTIONS_TOPIC,
  checkCounts,
  connectKafka,
  feedTopics,
  makeTopics,
  messagesIn,
  SERVES_TOPIC,
  type PlacedAction,
  type TopicLoad,
} from '../load/topics.ts';
import type { TopicCodec } from '../runner/options.ts';
import type { BenchStack } from '../runner/stack.ts';
import { COLUMNS } from './table.ts';

/** What stands in the topics and files of a bench. */
export interface Load extends TopicLoad {
  readonly serves: number;
  /** Actions that answer a serve. */
  readonly answers: number;
  /** Bounds of occurred_at, in epoch milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** The same rows as binary COPY bodies, in the order of the events. */
  readonly copyFiles: readonly string[];
}

const JSON_TOPIC = 'bench.user-actions.json';
const ROWS_PER_FILE = 100_000;
const MANIFEST = 'load.json';

/**
 * Fills the topics with the plan's events: registry Avro for Marquee, JSON with the table's columns
 * for the peers, and files for COPY. Keeps what is there when it is of the same plan (its times
 * excepted), so that a bench on a kept home need not load again.
 */
export async function loadEvents(
  stack: BenchStack,
  folder: string,
  plan: EventPlan,
  codec: TopicCodec,
  step: Step,
): Promise<Load> {
  const kept = readManifest(folder, plan, codec);
  // What was added since (by the latency and SDK parts) would be read by all.
  if (kept !== null && (await messagesIn(stack, ACTIONS_TOPIC)) === kept.actions) {
    step.done(`${kept.actions} actions are there already`);
    return kept;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const admin = connectKafka(stack).admin();
  await admin.connect();
  try {
    await makeTopics(admin, JSON_TOPIC);
    const load = await produce(stack, folder, plan, codec, step);
    await checkCounts(admin, {
      [ACTIONS_TOPIC]: load.actions,
      [JSON_TOPIC]: load.actions,
      [SERVES_TOPIC]: load.serves,
    });
    writeFileSync(join(folder, MANIFEST), JSON.stringify(load));
    step.done(
      `${load.actions} actions, ${load.serves} serves; ` +
        `${load.avroBytes.toFixed(0)} B Avro, ${load.jsonBytes.toFixed(0)} B JSON each`,
    );
    return load;
  } finally {
    await admin.disconnect();
  }
}

function readManifest(folder: string, plan: EventPlan, codec: TopicCodec): Load | null {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) return null;
  const load = JSON.parse(readFileSync(file, 'utf8')) as Load;
  return load.codec === codec && isSamePlan(load.plan, plan) ? load : null;
}

async function produce(
  stack: BenchStack,
  folder: string,
  plan: EventPlan,
  codec: TopicCodec,
  step: Step,
): Promise<Load> {
  const files = createCopyFiles(folder);
  let answers = 0;
  let firstMs = Infinity;
  let lastMs = -Infinity;
  const fed = await feedTopics({
    ...{ stack, plan, codec, step },
    json: { topic: JSON_TOPIC, of: jsonOf },
    serves: true,
    seen(placed) {
      const { occurred_at: at, request_id: answered } = placed.action;
      files.add(placed);
      firstMs = Math.min(firstMs, at);
      lastMs = Math.max(lastMs, at);
      if (answered !== null) answers++;
    },
  });
  return {
    ...{ plan, codec, answers, firstMs, lastMs },
    actions: fed.actions,
    serves: fed.serves,
    avroBytes: fed.avroBytes,
    jsonBytes: fed.jsonBytes,
    jsonTopic: JSON_TOPIC,
    copyFiles: files.close(),
  };
}

/** One row as JSON; jsonb as text for Debezium, as an object for Pathway. */
function jsonOf({ action, receivedMs, partition, offset }: PlacedAction): string {
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
    add({ action, receivedMs, partition, offset }: PlacedAction): void {
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
