import { expect, it } from 'vitest';
import type { KafkaConsumer } from '../../../../connectors/kafka/port.ts';
import type { Session } from '../../../../connectors/postgres/session.ts';
import { createPartitionTask } from '../../../../streams/runtime/consume/partition-task.ts';
import { createLagMeter } from '../../../../streams/runtime/consume/lag-meter.ts';
import { createMetrics } from '../../../../streams/runtime/observe/metrics.ts';

it('leaves no connection behind when it is closed while it opens one', async () => {
  const opening = Promise.withResolvers<Session>();
  const asked = Promise.withResolvers<undefined>();
  let closed = false;
  let used = false;
  const meter = createLagMeter({
    name: 'p',
    key: { processor: 'p', topic: 't' },
    consumer: {
      bounds: () => Promise.resolve(new Map([[0, { start: 0, end: 0 }]])),
    } as unknown as KafkaConsumer,
    metrics: createMetrics(),
    busy: () => false,
    openSession: () => {
      asked.resolve(undefined);
      return opening.promise;
    },
  });
  const position = { epoch: 1, next: 0, last: null, openLedgerRow: null };
  const measured = meter.measure([createPartitionTask(0, position, 0)]);
  await asked.promise;
  await meter.close();
  opening.resolve({
    usable: () => true,
    execute: () => {
      used = true;
      return Promise.resolve(0);
    },
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  } as unknown as Session);
  await measured;
  expect([closed, used]).toEqual([true, false]);
});
