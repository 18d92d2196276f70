import { beforeAll, describe, expect, test } from 'vitest';
import type { KafkaRecord } from '../../../../common/kafka/record.ts';
import { feedback } from '../../../../streams/feedback/processor.ts';
import { interactions } from '../../../../streams/interactions/processor.ts';
import { createHash128, addHash } from '../../../../common/hash.ts';
import type { LedgerRange } from '../../../../streams/runtime/commit/ledger.ts';
import { createBatchDecoder } from '../../../../streams/runtime/commit/decode-batch.ts';
import type { DecodedBatch } from '../../../../streams/runtime/commit/decode-batch.ts';
import type { Processor } from '../../../../streams/runtime/processor.ts';
import {
  REDRIVE_COUNT,
  REDRIVE_PROCESSOR,
  REDRIVE_RECEIVED_AT,
} from '../../../../streams/runtime/commit/redrive.ts';
import { createSchemaLoader } from '../../../../streams/runtime/consume/schema-loader.ts';
import { DEFAULT_SETTINGS } from '../../../../streams/runtime/settings.ts';
import { actionRecord, localCodec, record, schemaIdOf, T0 } from '../../../support/records.ts';
import { HOUR_MS } from '../../../../common/time.ts';

const decoder = createSchemaLoader<unknown>(localCodec().reader('user-actions.v1'));

beforeAll(async () => {
  const header = (id: number) => Buffer.from([0, 0, 0, 0, id]);
  await decoder.load([
    record(0, 'k', header(schemaIdOf('user-actions.v1'))),
    record(1, 'k', header(schemaIdOf('movies.v1'))),
    record(2, 'k', header(99)),
  ]);
});

function prepareAll(
  records: readonly KafkaRecord[],
  processor: Processor = interactions,
): DecodedBatch<unknown> {
  const next = (records.at(-1)?.offset ?? -1) + 1;
  const { decode } = createBatchDecoder(processor, decoder, DEFAULT_SETTINGS);
  return decode([{ partition: 3, from: records[0]?.offset ?? 0, next, records }]);
}

const counts = (run: LedgerRange | undefined) =>
  Object.fromEntries(Object.entries(run?.accounts ?? {}).map(([k, a]) => [k, a.count]));

describe('outcomes', () => {
  test('a good event is accepted with its place and time', () => {
    const { accepted, ledger: runs, dead } = prepareAll([actionRecord(5)]);
    expect(accepted).toMatchObject([{ partition: 3, offset: 5, receivedAt: T0 }]);
    expect(counts(runs[0])).toEqual({ ok: 1, duplicate: 0, too_late: 0, skipped: 0, dead: 0 });
    expect(dead).toEqual([]);
  });

  test('up to the late horizon it counts, a millisecond later it does not', () => {
    const edge = T0 - DEFAULT_SETTINGS.lateHorizonMs;
    const {
      ledger: runs,
      accepted,
      lateByApp,
    } = prepareAll([
      actionRecord(0, { occurred_at: edge }),
      actionRecord(1, { occurred_at: edge - 1, app: 'old' }),
    ]);
    expect(counts(runs[0])).toMatchObject({ ok: 1, too_late: 1 });
    expect(accepted).toHaveLength(1);
    expect([...lateByApp]).toEqual([['old', 1]]);
  });

  test('five minutes ahead is let through, a millisecond more is dead-lettered', () => {
    const edge = T0 + DEFAULT_SETTINGS.futureToleranceMs;
    const { dead, futureByApp, accepted } = prepareAll([
      actionRecord(0, { occurred_at: edge }),
      actionRecord(1, { occurred_at: edge + 1, app: 'ahead' }),
    ]);
    expect(accepted).toHaveLength(1);
    expect(dead).toMatchObject([{ record: { offset: 1 }, fault: { reason: 'event_from_future' } }]);
    expect([...futureByApp]).toEqual([['ahead', 1]]);
  });

  test.each([
    ['null_value', record(0, 'u1', null)],
    ['not_avro', record(0, 'u1', Buffer.from('{"a":1}'))],
    ['unknown_schema', record(0, 'u1', Buffer.from([0, 0, 0, 0, 99, 1]))],
    ['wrong_schema', record(0, 'u1', Buffer.from([0, 0, 0, 0, schemaIdOf('movies.v1'), 1]))],
    ['undecodable', record(0, 'u1', actionRecord(0).value?.subarray(0, 30) ?? null)],
    ['too_large', record(0, 'u1', Buffer.alloc(DEFAULT_SETTINGS.recordBytesMax + 1))],
    ['missing_key', { ...actionRecord(0), key: null }],
    ['key_mismatch', { ...actionRecord(0), key: Buffer.from('u2') }],
    ['unknown_action', actionRecord(0, { action: 'dance' })],
    ['out_of_range', actionRecord(0, { action: 'rate', value: 5.5 })],
    ['missing_field', actionRecord(0, { action: 'rate', value: null })],
    ['id_time_mismatch', actionRecord(0, { occurred_at: T0 - 1, event_id: actionId(T0 - 2) })],
  ])('%s: buried alone, its neighbour unharmed', (reason, bad) => {
    const { dead, accepted, ledger: runs } = prepareAll([bad, actionRecord(1)]);
    expect(dead).toMatchObject([{ fault: { reason } }]);
    expect(accepted).toHaveLength(1);
    expect(counts(runs[0])).toMatchObject({ ok: 1, dead: 1 });
  });

  test('what a processor has nothing to do with is accounted as skipped', () => {
    const { ledger: runs, accepted } = prepareAll(
      [actionRecord(0), actionRecord(1, { request_id: actionId(T0) })],
      feedback,
    );
    expect(counts(runs[0])).toMatchObject({ ok: 1, skipped: 1 });
    expect(accepted).toMatchObject([{ offset: 1 }]);
  });

  test('a redriven record is for its processor alone and keeps its first receipt', () => {
    const headers = {
      [REDRIVE_PROCESSOR]: Buffer.from('interactions'),
      [REDRIVE_RECEIVED_AT]: Buffer.from(String(T0 - 30 * HOUR_MS)),
      [REDRIVE_COUNT]: Buffer.from('1'),
    };
    const redriven = actionRecord(0, { occurred_at: T0 - 31 * HOUR_MS }, T0, headers);
    expect(prepareAll([redriven]).accepted).toMatchObject([{ receivedAt: T0 - 30 * HOUR_MS }]);
    expect(counts(prepareAll([redriven], feedback).ledger[0])).toMatchObject({ skipped: 1 });
  });
});

describe('ledger runs', () => {
  test('are cut where the hour of receipt changes, and join', () => {
    const { ledger: runs } = prepareAll([
      actionRecord(10),
      actionRecord(11),
      actionRecord(20, {}, T0 + HOUR_MS),
      actionRecord(25, {}, T0 + HOUR_MS),
    ]);
    expect(runs.map((r) => [r.from, r.to])).toEqual([
      [10, 20],
      [20, 26],
    ]);
    expect(runs.map((r) => r.accounts.ok.count)).toEqual([2, 2]);
  });

  test('sums are the same however the batch is cut', () => {
    const records = Array.from({ length: 9 }, (_, i) => actionRecord(i));
    const whole = prepareAll(records).ledger[0]?.accounts.ok;
    const sum = createHash128();
    for (const part of [records.slice(0, 2), records.slice(2)])
      addHash(sum, prepareAll(part).ledger[0]?.accounts.ok.contentSum ?? createHash128());
    expect(sum).toEqual(whole?.contentSum);
  });

  test('a resend found later moves from ok to duplicate with its hashes', () => {
    const one = actionRecord(0);
    const decoded = prepareAll([one, { ...one, offset: 1 }]);
    decoded.markDuplicate(1);
    const { ok, duplicate } = decoded.ledger[0]?.accounts ?? {};
    expect([ok?.count, duplicate?.count]).toEqual([1, 1]);
    expect(ok?.contentSum).toEqual(duplicate?.contentSum);
  });
});

test('a record that the database refused is buried when it comes again', () => {
  const bad = actionRecord(0);
  const batchDecoder = createBatchDecoder(interactions, decoder, DEFAULT_SETTINGS);
  batchDecoder.deadLetter(bad, 'numeric field overflow');
  const { dead, accepted } = batchDecoder.decode([
    { partition: 0, from: 0, next: 1, records: [bad] },
  ]);
  expect(dead).toMatchObject([
    { fault: { reason: 'rejected_by_database', detail: 'numeric field overflow' } },
  ]);
  expect(accepted).toEqual([]);
});

function actionId(ms: number): Buffer {
  const id = Buffer.alloc(16);
  id.writeUIntBE(ms, 0, 6);
  id[6] = 0x70;
  id[8] = 0x80;
  return id;
}
