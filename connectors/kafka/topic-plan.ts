/** A topic as it is applied; TOPICS of schemas/ are such. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly timestampType: 'LogAppendTime' | 'CreateTime';
  readonly cleanup: 'delete' | 'compact';
  /** Milliseconds; -1 is for ever. */
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
}

export interface TopicStep {
  readonly topic: string;
  /** `needs_attention` is something that applying does not do. */
  readonly action: 'create' | 'raise_partitions' | 'alter_config' | 'unchanged' | 'needs_attention';
  readonly detail: string;
}

/** A topic as the broker has it. */
export interface FoundTopic {
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
  /** Settings made on the topic itself: an alteration must repeat them or they are lost. */
  readonly own: Readonly<Record<string, string>>;
}

/** The settings that a topic's declaration stands for, by Kafka's names. */
export function configOf(topic: TopicSpec): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': topic.cleanup,
    'retention.ms': String(topic.retentionMs),
    'max.message.bytes': String(topic.maxMessageBytes),
    'message.timestamp.type': topic.timestampType,
  };
}

/** The steps that bring a topic, as it was found, to its declaration. */
export function planTopic(
  topic: TopicSpec,
  found: FoundTopic | undefined,
  { raisePartitions = false }: { readonly raisePartitions?: boolean | undefined } = {},
): TopicStep[] {
  const step = (action: TopicStep['action'], detail: string): TopicStep => {
    return { topic: topic.name, action, detail };
  };
  const wanted = `${topic.partitions} partitions`;
  if (found === undefined) {
    const config = Object.entries(configOf(topic)).map(([name, value]) => `${name}=${value}`);
    return [step('create', `${wanted}, ${config.join(', ')}`)];
  }
  const steps: TopicStep[] = [];
  const counts = `${found.partitions} partitions, declared are ${topic.partitions}`;
  if (found.partitions < topic.partitions) {
    steps.push(
      raisePartitions
        ? step('raise_partitions', counts)
        : step('needs_attention', `${counts}: raise them with --raise-partitions (keys move)`),
    );
  } else if (found.partitions > topic.partitions) {
    steps.push(step('needs_attention', `${counts}: Kafka can't take partitions away`));
  }
  const drift = driftOf(topic, found);
  if (drift.length > 0) steps.push(step('alter_config', drift.join(', ')));
  return steps.length > 0 ? steps : [step('unchanged', wanted)];
}

function driftOf(topic: TopicSpec, found: FoundTopic): string[] {
  return Object.entries(configOf(topic))
    .filter(([name, value]) => found.config[name] !== value)
    .map(([name, value]) => `${name} ${found.config[name] ?? 'unset'} -> ${value}`);
}
