import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { afterAll, describe, expect, it } from 'vitest';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import { configOf } from '../../../connectors/kafka/topic-plan.ts';
import type { TopicSpec } from '../../../connectors/kafka/topic-plan.ts';
import { applyTopics, listTopics } from '../../../connectors/kafka/topics.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { HOUR_MS } from '../../../common/time.ts';

const { brokers } = sharedStack().config.kafka;
const made: string[] = [];

function spec(change: Partial<TopicSpec> = {}): TopicSpec {
  const name = `apply-${randomUUID().slice(0, 8)}`;
  made.push(name);
  return {
    name,
    partitions: 2,
    timestampType: 'LogAppendTime',
    cleanup: 'delete',
    retentionMs: HOUR_MS,
    maxMessageBytes: 2_000_000,
    ...change,
  };
}

async function actions(topics: readonly TopicSpec[], flags: object = {}): Promise<string[]> {
  return (await applyTopics({ brokers, topics, ...flags })).map(({ action }) => action);
}

afterAll(async () => {
  const found = await withAdmin({ brokers }, (admin) => admin.listTopics());
  const topics = made.filter((name) => found.includes(name));
  await withAdmin({ brokers }, (admin) => admin.deleteTopics({ topics }));
});

describe('applyTopics', () => {
  it('makes what is missing as it is declared, and nothing twice', async () => {
    const topic = spec({ cleanup: 'compact', retentionMs: -1 });
    expect(await actions([topic])).toEqual(['create']);
    expect(await actions([topic])).toEqual(['unchanged']);
    const [listed] = await listTopics({ brokers, topics: [topic] });
    expect(listed).toMatchObject({ partitions: 2, records: 0, config: configOf(topic) });
  });

  it('does nothing on a dry run', async () => {
    const topic = spec();
    expect(await actions([topic], { dryRun: true })).toEqual(['create']);
    const [listed] = await listTopics({ brokers, topics: [topic] });
    expect(listed).toMatchObject({ partitions: 0 });
  });

  it('mends settings that differ, says how, and keeps those it does not know', async () => {
    const topic = spec();
    await applyTopics({ brokers, topics: [topic] });
    await withAdmin({ brokers }, (admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: kafkajs.ConfigResourceTypes.TOPIC,
            name: topic.name,
            configEntries: [
              { name: 'retention.ms', value: '1000' },
              { name: 'segment.ms', value: '60000' },
            ],
          },
        ],
      }),
    );
    const [step] = await applyTopics({ brokers, topics: [topic] });
    expect(step?.action).toBe('alter_config');
    expect(step?.detail).toContain('retention.ms 1000 -> 3600000');
    const [listed] = await listTopics({ brokers, topics: [topic] });
    expect(listed?.config).toMatchObject({ ...configOf(topic), 'segment.ms': '60000' });
    expect(await actions([topic])).toEqual(['unchanged']);
  });

  it('raises partitions only when it is asked to, and never takes any away', async () => {
    const topic = spec();
    await applyTopics({ brokers, topics: [topic] });
    const wider = { ...topic, partitions: 4 };
    expect(await actions([wider])).toEqual(['needs_attention']);
    expect(await actions([wider], { raisePartitions: true })).toEqual(['raise_partitions']);
    const [listed] = await listTopics({ brokers, topics: [wider] });
    expect(listed?.partitions).toBe(4);
    expect(await actions([topic], { raisePartitions: true })).toEqual(['needs_attention']);
  });

  it('finds the topics of this repository in place', async () => {
    expect(await actions(Object.values(TOPICS))).toEqual(Array(5).fill('unchanged'));
  });

  it('says that the broker is away as something to try again', async () => {
    const away = applyTopics({ brokers: ['127.0.0.1:1'], retries: 0 });
    await expect(away).rejects.toMatchObject({
      code: 'MARQUEE_KAFKA_UNAVAILABLE',
      retriable: true,
    });
  });
});

describe('withAdmin', () => {
  it('leaves no connection behind when requests at once outlive one that failed', async () => {
    const before = connections();
    let asked: PromiseSettledResult<unknown>[] = [];
    const failed = withAdmin({ brokers, retries: 3 }, async (admin) => {
      const missing = Array.from({ length: 6 }, () => admin.fetchTopicOffsets(randomUUID()));
      const settled = Promise.allSettled(missing);
      void settled.then((results) => (asked = results));
      await Promise.all(missing);
    });
    await expect(failed).rejects.toMatchObject({ code: 'MARQUEE_KAFKA_UNAVAILABLE' });
    await expect.poll(() => asked.length, { timeout: 20_000 }).toBe(6);
    // Other tests' may still have been closing.
    await expect.poll(connections).toBeLessThanOrEqual(before);
  });
});

/** TCP connections that keep this process from ending. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}
