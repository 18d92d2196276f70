import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from '../../../cli/terminal/progress.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { isSamePlan, type EventPlan } from '../load/events.ts';
import {
  ACTIONS_TOPIC,
  checkCounts,
  connectKafka,
  feedTopics,
  makeTopics,
  messagesIn,
  type PlacedAction,
  type TopicLoad,
} from '../load/topics.ts';
import type { TopicCodec } from '../runner/options.ts';
import type { BenchStack } from '../runner/stack.ts';

/** What stands in the topics: the same actions as registry Avro and, for the first plan, as JSON. */
export interface ArchiveLoad extends TopicLoad {
  /** Messages by partition. */
  readonly counts: readonly number[];
}

const JSON_TOPIC = 'bench.archive.json';

/**
 * Fills the topics, which are made anew, with the plan's actions. Keeps what is there when it is of
 * the same plan (its times excepted), so that a bench on a kept home need not load again.
 */
export async function loadArchive(
  stack: BenchStack,
  plan: EventPlan,
  codec: TopicCodec,
  step: Step,
): Promise<ArchiveLoad> {
  const manifest = join(stack.home, 'archive-load.json');
  const kept = readManifest(manifest, plan, codec);
  const admin = connectKafka(stack).admin();
  await admin.connect();
  try {
    // What a growth added would be read by all.
    if (kept !== null && (await messagesIn(stack, ACTIONS_TOPIC)) === kept.actions) {
      step.done(`${kept.actions} actions are there already`);
      return kept;
    }
    await makeTopics(admin, JSON_TOPIC);
    const json = { topic: JSON_TOPIC, of: jsonOf };
    const fed = await feedTopics({ ...{ stack, plan, codec, step, json }, serves: false });
    const { actions, counts, avroBytes, jsonBytes } = fed;
    await checkCounts(admin, { [ACTIONS_TOPIC]: actions, [JSON_TOPIC]: actions });
    const load: ArchiveLoad = {
      ...{ plan, codec, actions, counts, avroBytes, jsonBytes },
      jsonTopic: JSON_TOPIC,
    };
    writeFileSync(manifest, JSON.stringify(load));
    const bytes = `${avroBytes.toFixed(0)} B Avro, ${jsonBytes.toFixed(0)} B JSON each`;
    step.done(`${actions} actions; ${bytes}`);
    return load;
  } finally {
    await admin.disconnect();
  }
}

function readManifest(file: string, plan: EventPlan, codec: TopicCodec): ArchiveLoad | null {
  if (!existsSync(file)) return null;
  const load = JSON.parse(readFileSync(file, 'utf8')) as ArchiveLoad;
  return load.codec === codec && isSamePlan(load.plan, plan) ? load : null;
}

/** Sends more actions, as Avro alone, behind those of `load`, until there are `actions`. */
export async function growTo(
  stack: BenchStack,
  load: ArchiveLoad,
  actions: number,
  step: Step,
): Promise<ArchiveLoad> {
  const { codec, counts: before } = load;
  const seed = load.plan.seed + load.actions;
  const more = { ...load.plan, seed, actions: actions - load.actions };
  const { counts, avroBytes } = await feedTopics({
    ...{ stack, plan: more, codec, step, before },
    json: null,
    serves: false,
  });
  step.done(`${actions} actions`);
  return { ...load, actions, counts, avroBytes };
}

/** One row with the columns of an archived file; times as numbers, which cost a reader least. */
function jsonOf({ action, receivedMs, partition, offset }: PlacedAction): string {
  return JSON.stringify({
    event_id: formatUuid(action.event_id),
    user_id: action.user_id,
    action: action.action,
    movie_id: action.movie_id,
    value: action.value,
    occurred_at: action.occurred_at,
    received_at: receivedMs,
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
