import { beforeAll, describe, expect, test } from 'vitest';
import { newestSchema } from '../../../connectors/registry/codec.ts';
import { readExamples } from '../../../schemas/examples.ts';
import type { Example } from '../../../schemas/examples.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { planProfiles } from '../../../streams/profiles/core.ts';
import type { ProfilePlan } from '../../../streams/profiles/core.ts';
import { createBatchDecoder } from '../../../streams/runtime/commit/decode-batch.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { createSchemaLoader } from '../../../streams/runtime/consume/schema-loader.ts';
import { DEFAULT_SETTINGS } from '../../../streams/runtime/settings.ts';
import { readCopyRows } from '../../support/copy-rows.ts';
import type { ColumnKind } from '../../support/copy-rows.ts';
import { localCodec, record, schemaIdOf } from '../../support/records.ts';

/** Every example message, through every processor that reads its topic: what it plans to write. */
const KINDS: Readonly<Record<string, ColumnKind>> = {
  event_id: 'uuid',
  request_id: 'uuid',
  occurred_at: 'timestamptz',
  served_at: 'timestamptz',
  updated_at: 'timestamptz',
  received_at: 'timestamptz',
  movie_id: 'int8',
  tmdb_id: 'int8',
  kafka_offset: 'int8',
  value: 'float8',
  latency_ms: 'float8',
  position: 'int4',
  year: 'int4',
  kafka_partition: 'int4',
  properties: 'jsonb',
  withdrawn: 'bool',
  genres: 'array',
  tags: 'array',
  movie_ids: 'array',
  scores: 'array',
};

const topics = [...new Set(Object.values(PROCESSORS).map((p) => p.source.topic))];
const examples = new Map<TopicName, readonly Example[]>(
  await Promise.all(topics.map(async (topic) => [topic, await readExamples(topic)] as const)),
);

function planOf(
  processor: Processor,
  example: Example,
  decoder: Parameters<typeof createBatchDecoder>[1],
) {
  const { topic } = processor.source;
  const value =
    example.value === null
      ? null
      : encodeWire(schemaIdOf(topic), parseAvro(newestSchema(topic)), example.value);
  // With rows, whatever the processor asks for: they are the event as it was understood.
  const { decode } = createBatchDecoder(
    { ...processor, wantsRows: true },
    decoder,
    DEFAULT_SETTINGS,
  );
  const decoded = decode([
    {
      partition: 0,
      from: 0,
      next: 1,
      records: [record(0, example.key, value, example.receivedAt)],
    },
  ]);
  const [run] = decoded.ledger;
  const outcome = Object.entries(run?.accounts ?? {}).find(([, a]) => a.count === 1)?.[0];
  const [dead] = decoded.dead;
  const columns = [
    ...processor.source.contentColumns,
    'received_at',
    'kafka_partition',
    'kafka_offset',
  ];
  const rows = readCopyRows(
    decoded.rows?.take() ?? Buffer.alloc(0),
    columns.map((name) => [name, KINDS[name] ?? 'text'] as const),
  );
  return {
    outcome,
    ...(dead === undefined ? {} : { fault: dead.fault }),
    ...(rows[0] === undefined ? {} : { row: rows[0] }),
    ...(processor.name === 'profiles' && decoded.accepted.length > 0
      ? { plan: readable(planProfiles(decoded.accepted.map((a) => a.event as UserActionRecord))) }
      : {}),
  };
}

/** Events in a plan are shown by their ids. */
function readable(plan: ProfilePlan): unknown {
  const idOf = (event: UserActionRecord | null) => event?.event_id.toString('hex') ?? null;
  return {
    profiles: plan.profiles.map((p) => {
      // Its movies are the histories below.
      const shown = Object.entries(p).filter(([name]) => name !== 'movies');
      return { ...Object.fromEntries(shown), first: idOf(p.first), last: idOf(p.last) };
    }),
    histories: plan.histories.map((h) => ({
      ...h,
      last: idOf(h.last),
      rating: idOf(h.rating),
      opinion: idOf(h.opinion),
      list: idOf(h.list),
    })),
  };
}

describe.each(Object.values(PROCESSORS))('$name', (processor) => {
  const decoder = createSchemaLoader<unknown>(localCodec().reader(processor.source.topic));
  beforeAll(() =>
    decoder.load([record(0, null, Buffer.from([0, 0, 0, 0, schemaIdOf(processor.source.topic)]))]),
  );

  test.each(examples.get(processor.source.topic) ?? [])('$name', (example) => {
    const plan = planOf(processor, example, decoder);
    expect(plan).toMatchSnapshot();
    const said = plan.fault?.reason ?? plan.outcome;
    expect(said === 'skipped' ? 'ok' : said).toBe(example.outcome);
  });
});
