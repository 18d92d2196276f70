import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import type { RecommendationServeRecord } from '../../../schemas/generated/types.ts';
import { encodeServedList, SERVE_PART_TYPE, SERVE_VERSION } from '../../../schemas/serve-parts.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';

const versions: Readonly<Record<number, string>> = AVRO_SCHEMAS['recommendation-serves.v1'];
const whole = parseAvro(versions[SERVE_VERSION] ?? '');
const word = fc.string({ maxLength: 12 });
const maybe = fc.option(word);

const serves: fc.Arbitrary<RecommendationServeRecord> = fc.record({
  request_id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  user_id: maybe,
  served_at: fc.nat(),
  latency_ms: fc.option(fc.double({ noNaN: true })),
  app: word,
  source: word,
  after_request_id: fc.constant(null),
  first_position: fc.nat({ max: 1_000 }),
  steps: fc.array(word),
  properties: fc.dictionary(word, word),
  algorithm: word,
  model_version: maybe,
  surface: maybe,
  surface_version: maybe,
  experiment: maybe,
  arm: maybe,
  movie_ids: fc.array(fc.nat()),
  scores: fc.array(fc.double({ noNaN: true })),
  reasons: fc.array(word),
  propensities: fc.array(fc.double({ noNaN: true })),
});

it('the two parts behind each other are the record', () => {
  fc.assert(
    fc.property(serves, (serve) => {
      const parts = Buffer.concat([SERVE_PART_TYPE.toBuffer(serve), encodeServedList(serve)]);
      expect(parts.equals(whole.toBuffer(serve))).toBe(true);
    }),
  );
});
