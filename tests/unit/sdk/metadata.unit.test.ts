import { describe, expect, it } from 'vitest';
import type { MarqueeError } from '../../../common/error.ts';
import { createProducerMetadata } from '../../../sdk/src/metadata.ts';
import type { ProducerMetadata } from '../../../sdk/src/metadata.ts';
import { createFakeCluster } from './fake-cluster.ts';

interface Opened {
  readonly metadata: ProducerMetadata;
  readonly codes: string[];
  /** Called whenever the metadata says that it has changed. */
  onChange: () => void;
}

function metadataOf(existing: Set<string>): Opened {
  const codes: string[] = [];
  const cluster = createFakeCluster({ partitions: 2 });
  const missing = Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  const metadata = createProducerMetadata(
    {
      ...cluster,
      load: (topics) =>
        topics.every((topic) => existing.has(topic)) ? cluster.load([]) : Promise.reject(missing),
    },
    {
      brokers: ['fake:1'],
      backoff: { firstMs: 1, maxMs: 2 },
      changed: () => {
        opened.onChange();
      },
      fault: ({ code, message }: MarqueeError) => void codes.push(`${code} ${message}`),
    },
  );
  const opened: Opened = { metadata, codes, onChange: () => undefined };
  return opened;
}

describe('createProducerMetadata', () => {
  it('knows leaders and identity once the topic can be written to', async () => {
    const { metadata } = metadataOf(new Set(['t']));
    expect([metadata.leaders('t'), metadata.identity()]).toEqual([null, null]);
    await metadata.want('t');
    expect(metadata.leaders('t')).toEqual([1, 1]);
    expect(metadata.identity()).toEqual({ producerId: 1n, producerEpoch: 0 });
    await metadata.stop();
  });

  it('goes on with the topics that are there while one is missing, and names that', async () => {
    const existing = new Set(['t']);
    const { metadata, codes } = metadataOf(existing);
    await metadata.want('t');
    const later = metadata.want('later');
    await expect.poll(() => codes.length).toBeGreaterThan(1);
    expect(codes[0]).toMatch(/^MARQUEE_TOPIC_MISSING .* no topic later\./);
    expect([metadata.leaders('t'), metadata.leaders('later')]).toEqual([[1, 1], null]);
    existing.add('later');
    await later;
    expect(metadata.leaders('later')).toEqual([1, 1]);
    await metadata.stop();
  });

  it('says at each fault what is known already', async () => {
    const opened = metadataOf(new Set(['t']));
    const { metadata } = opened;
    const changed = new Promise<void>((resolve) => {
      opened.onChange = resolve;
    });
    void metadata.want('t');
    void metadata.want('missing');
    await changed;
    expect(metadata.leaders('t')).toEqual([1, 1]);
    expect(metadata.leaders('missing')).toBeNull();
    await metadata.stop();
  });

  it('takes another identity when the old one is given up', async () => {
    const { metadata } = metadataOf(new Set(['t']));
    await metadata.want('t');
    metadata.renewIdentity();
    expect(metadata.identity()).toBeNull();
    await expect.poll(() => metadata.identity()?.producerId).toBe(2n);
    await metadata.stop();
  });
});
