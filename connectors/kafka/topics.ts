import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Admin, ResourceConfigQuery } from 'kafkajs';
import { MarqueeError } from '../../common/error.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import { withAdmin } from './admin.ts';
import type { AdminOptions } from './admin.ts';
import { configOf, planTopic } from './topic-plan.ts';
import type { FoundTopic, TopicSpec, TopicStep } from './topic-plan.ts';

export interface ApplyTopicsOptions extends AdminOptions {
  /** By default every topic of schemas/topics. */
  readonly topics?: readonly TopicSpec[];
  /** Say what would be done, and do nothing. */
  readonly dryRun?: boolean;
  /**
   * Raise partition counts that are too low. Not by default: keys move to other partitions, so a
   * user's later events may be read before earlier ones.
   */
  readonly raisePartitions?: boolean;
  /** -1 leaves it to the broker. */
  readonly replicationFactor?: number;
}

const TOPIC_RESOURCE = kafkajs.ConfigResourceTypes.TOPIC;
/** DescribeConfigs' source of a setting that was made on the topic itself. */
const DYNAMIC_TOPIC_CONFIG = 1;

/**
 * Brings topics to what they are declared to be, and says for each what it did (or would do).
 * Idempotent. Deletes nothing, and lowers no partition count. Throws MARQUEE_KAFKA_UNAVAILABLE
 * (retriable) or MARQUEE_KAFKA_REFUSED.
 */
export function applyTopics(options: ApplyTopicsOptions): Promise<TopicStep[]> {
  const topics: readonly TopicSpec[] = options.topics ?? Object.values(TOPICS);
  return withAdmin(options, async (admin) => {
    const found = await describe(admin, topics);
    const steps: TopicStep[] = [];
    for (const topic of topics) steps.push(...planTopic(topic, found.get(topic.name), options));
    if (options.dryRun !== true) await execute(admin, topics, found, steps, options);
    return steps;
  });
}

export interface TopicListing {
  readonly topic: string;
  /** 0 where the topic does not exist. */
  readonly partitions: number;
  /** Sum over partitions of end less start: an upper bound, markers and gaps included. */
  readonly records: number;
  readonly config: Readonly<Record<string, string>>;
}

/** The topics as the broker has them. */
export function listTopics(
  options: AdminOptions & { readonly topics?: readonly TopicSpec[] },
): Promise<TopicListing[]> {
  const topics: readonly TopicSpec[] = options.topics ?? Object.values(TOPICS);
  return withAdmin(options, async (admin) => {
    const found = await describe(admin, topics);
    const rows: TopicListing[] = [];
    for (const { name } of topics) {
      const { partitions, config } = found.get(name) ?? { partitions: 0, config: {} };
      const offsets = partitions === 0 ? [] : await admin.fetchTopicOffsets(name);
      const records = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
      rows.push({ topic: name, partitions, records, config });
    }
    return rows;
  });
}

async function describe(
  admin: Admin,
  topics: readonly TopicSpec[],
): Promise<Map<string, FoundTopic>> {
  const existing = new Set(await admin.listTopics());
  const names = topics.map(({ name }) => name).filter((name) => existing.has(name));
  const found = new Map<string, FoundTopic>();
  if (names.length === 0) return found;
  const { topics: metadata } = await admin.fetchTopicMetadata({ topics: names });
  const resources = names.map((name): ResourceConfigQuery => ({ type: TOPIC_RESOURCE, name }));
  const configs = await admin.describeConfigs({ resources, includeSynonyms: false });
  for (const { resourceName, configEntries } of configs.resources) {
    const own = configEntries.filter(
      (entry) => (entry.configSource as number) === DYNAMIC_TOPIC_CONFIG,
    );
    found.set(resourceName, {
      partitions: metadata.find(({ name }) => name === resourceName)?.partitions.length ?? 0,
      config: Object.fromEntries(configEntries.map((e) => [e.configName, e.configValue])),
      own: Object.fromEntries(own.map((e) => [e.configName, e.configValue])),
    });
  }
  return found;
}

async function execute(
  admin: Admin,
  topics: readonly TopicSpec[],
  found: ReadonlyMap<string, FoundTopic>,
  steps: readonly TopicStep[],
  options: ApplyTopicsOptions,
): Promise<void> {
  const due = (action: TopicStep['action']): TopicSpec[] => {
    const names = new Set(steps.filter((s) => s.action === action).map((s) => s.topic));
    return topics.filter(({ name }) => names.has(name));
  };
  const entries = (config: Readonly<Record<string, string>>) =>
    Object.entries(config).map(([name, value]) => ({ name, value }));

  const created = due('create');
  if (created.length > 0) {
    // False when somebody else made them meanwhile, which is as good.
    await admin.createTopics({
      // kafkajs's own waiting fails on a broker that has not heard of the new topic yet.
      waitForLeaders: false,
      topics: created.map((topic) => ({
        topic: topic.name,
        numPartitions: topic.partitions,
        replicationFactor: options.replicationFactor ?? -1,
        configEntries: entries(configOf(topic)),
      })),
    });
  }
  const raised = due('raise_partitions');
  if (raised.length > 0) {
    await admin.createPartitions({
      topicPartitions: raised.map(({ name, partitions }) => ({ topic: name, count: partitions })),
    });
  }
  const altered = due('alter_config');
  if (altered.length > 0) {
    await admin.alterConfigs({
      validateOnly: false,
      resources: altered.map((topic) => ({
        type: TOPIC_RESOURCE,
        name: topic.name,
        configEntries: entries({ ...found.get(topic.name)?.own, ...configOf(topic) }),
      })),
    });
  }
  const changed = new Set([...created, ...raised].map(({ name }) => name));
  // Also of topics that were there: the broker may just have started.
  await untilLed(
    options,
    topics.map(({ name, partitions }) => ({
      name,
      partitions: changed.has(name) ? partitions : (found.get(name)?.partitions ?? partitions),
    })),
  );
}

const LEADERS_WITHIN_MS = 30_000;
const LEADERS_POLL_MS = 50;
const NO_LEADER = -1;

/**
 * A topic can be read and written once each of its partitions has a leader that knows it. Kafka
 * answers a change before its brokers have heard of it. Each look has a client of its own: kafkajs
 * keeps what it knows of a topic.
 */
async function untilLed(
  options: AdminOptions,
  topics: readonly Pick<TopicSpec, 'name' | 'partitions'>[],
): Promise<void> {
  const deadline = performance.now() + LEADERS_WITHIN_MS;
  for (;;) {
    try {
      if (await withAdmin(options, (admin) => areLed(admin, topics))) return;
    } catch (error) {
      const passing = error instanceof MarqueeError && error.retriable;
      if (!passing || performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline)
      throw new MarqueeError(
        'MARQUEE_KAFKA_UNAVAILABLE',
        `no leader for all partitions of ${topics.map(({ name }) => name).join(', ')} after ` +
          `${LEADERS_WITHIN_MS / 1000} s`,
        { retriable: true },
      );
    await delay(LEADERS_POLL_MS);
  }
}

async function areLed(
  admin: Admin,
  topics: readonly Pick<TopicSpec, 'name' | 'partitions'>[],
): Promise<boolean> {
  const { topics: known } = await admin.fetchTopicMetadata({ topics: topics.map((t) => t.name) });
  const leaderless = known.some((t) => t.partitions.some(({ leader }) => leader === NO_LEADER));
  if (leaderless) return false;
  // A broker that is named as leader may not know it yet: it refuses until it does.
  for (const { name, partitions } of topics) {
    if ((await admin.fetchTopicOffsets(name)).length < partitions) return false;
  }
  return true;
}
