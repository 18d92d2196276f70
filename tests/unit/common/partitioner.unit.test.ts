import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { murmur2, partitionOf } from '../../../common/partitioner.ts';

describe('murmur2', () => {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s is what the Java client computes', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });
});

describe('partitionOf', () => {
  it('puts every key where kafkajs puts it', () => {
    const partitioner = kafkajs.Partitioners.DefaultPartitioner();
    const key = fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 64 }), (text, count) => {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => {
          return { partitionErrorCode: 0, partitionId, leader: 1, replicas: [1], isr: [1] };
        });
        const bytes = Buffer.from(text);
        const message = { key: bytes, value: null };
        const expected = partitioner({ topic: 't', partitionMetadata, message });
        expect(partitionOf(text, count)).toBe(expected);
        expect(partitionOf(bytes, count)).toBe(expected);
      }),
      { numRuns: 150 },
    );
  });
});
