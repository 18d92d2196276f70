import { expect, test } from 'vitest';
import { configOf, planTopic } from '../../../../connectors/kafka/topic-plan.ts';
import type { FoundTopic, TopicSpec } from '../../../../connectors/kafka/topic-plan.ts';

const spec: TopicSpec = {
  name: 'things',
  partitions: 8,
  timestampType: 'LogAppendTime',
  cleanup: 'delete',
  retentionMs: -1,
  maxMessageBytes: 1_000,
};
const found = (over: Partial<FoundTopic> = {}): FoundTopic => {
  return { partitions: 8, config: configOf(spec), own: {}, ...over };
};
const actions = (topic: FoundTopic | undefined, options = {}) =>
  planTopic(spec, topic, options).map(({ action }) => action);

test('a topic that is missing is created, as it is declared', () => {
  const [step, ...more] = planTopic(spec, undefined);
  expect(step).toMatchObject({ topic: 'things', action: 'create' });
  expect(step?.detail).toContain('8 partitions');
  expect(step?.detail).toContain('retention.ms=-1');
  expect(more).toEqual([]);
});

test('a topic that is as it is declared stays, also with other settings beside', () => {
  const config = { ...configOf(spec), 'segment.ms': '60000' };
  expect(actions(found({ config }))).toEqual(['unchanged']);
});

test('partitions are raised only when asked for, since keys move', () => {
  expect(actions(found({ partitions: 4 }))).toEqual(['needs_attention']);
  expect(actions(found({ partitions: 4 }), { raisePartitions: true })).toEqual([
    'raise_partitions',
  ]);
});

test('too many partitions stay: Kafka takes none away', () => {
  const options = { raisePartitions: true };
  expect(actions(found({ partitions: 9 }), options)).toEqual(['needs_attention']);
});

test('each setting that differs is named with both values', () => {
  const config = { ...configOf(spec), 'retention.ms': '60000' };
  const [step] = planTopic(spec, found({ config }));
  expect(step).toEqual({
    topic: 'things',
    action: 'alter_config',
    detail: 'retention.ms 60000 -> -1',
  });
});

test('partitions and settings are steps of their own', () => {
  const topic = found({ partitions: 4, config: {} });
  expect(actions(topic, { raisePartitions: true })).toEqual(['raise_partitions', 'alter_config']);
});
