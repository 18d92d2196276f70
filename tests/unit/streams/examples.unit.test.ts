import { beforeAll, describe, expect, test } from 'vitest';
import { readExamples } from '../../../schemas/examples.ts';
import type { Example } from '../../../schemas/examples.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { readCopyRows } from '../../support/copy-rows.ts';
import { columnKinds, createExampleDecoder } from '../../support/examples.ts';

/**
 * Every example message, through every processor that reads its topic: what becomes of it, and the
 * row it would be. A processor's answers are in examples/<processor>.snap.
 */
const topics = [...new Set(Object.values(PROCESSORS).map((p) => p.source.topic))];
const examples = new Map<TopicName, readonly Example[]>(
  await Promise.all(topics.map(async (topic) => [topic, await readExamples(topic)] as const)),
);

type Decode = Awaited<ReturnType<typeof createExampleDecoder>>;

function answerTo(processor: Processor, example: Example, decode: Decode) {
  const { topic, contentColumns } = processor.source;
  const decoded = decode(example);
  const [run] = decoded.ledger;
  const outcome = Object.entries(run?.accounts ?? {}).find(([, a]) => a.count === 1)?.[0];
  const [dead] = decoded.dead;
  const columns = [...contentColumns, 'received_at', 'kafka_partition', 'kafka_offset'];
  const rows = readCopyRows(decoded.rows?.take() ?? Buffer.alloc(0), columnKinds(topic, columns));
  return {
    outcome,
    ...(dead === undefined ? {} : { fault: dead.fault }),
    ...(rows[0] === undefined ? {} : { row: rows[0] }),
  };
}

describe.each(Object.values(PROCESSORS))('$name', (processor) => {
  const ofTopic = examples.get(processor.source.topic) ?? [];
  let decode: Decode;
  beforeAll(async () => {
    decode = await createExampleDecoder(processor);
  });

  test.each(ofTopic)('judges $name as it says', (example) => {
    const { fault, outcome } = answerTo(processor, example, decode);
    const said = fault?.reason ?? outcome;
    expect(said === 'skipped' ? 'ok' : said).toBe(example.outcome);
  });

  test('makes of every example what it made before', async () => {
    const answers = ofTopic.map((example) => [example.name, answerTo(processor, example, decode)]);
    await expect(Object.fromEntries(answers)).toMatchFileSnapshot(
      `examples/${processor.name}.snap`,
    );
  });
});
