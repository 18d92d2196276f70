import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { createFaultLog } from '../../../../../connectors/kafka/kafkajs/fault-log.ts';

function faultsOf(log: { message: string; error?: string }): Error[] {
  const faults: Error[] = [];
  const level = kafkajs.logLevel.ERROR;
  const write = createFaultLog((error) => faults.push(error))(level);
  const entry = { timestamp: '', logger: 'kafkajs', ...log };
  write({ namespace: 'Connection', level, label: 'ERROR', log: entry });
  return faults;
}

test('an error of the log is a fault that the client retries', () => {
  const [fault] = faultsOf({ message: 'Connection error', error: 'connect ECONNREFUSED' });
  expect(fault).toMatchObject({
    code: 'MARQUEE_KAFKA_CLIENT',
    retriable: true,
    message: 'kafkajs Connection: Connection error (connect ECONNREFUSED)',
  });
});

test('a rebalance is no fault', () => {
  const error = 'The group is rebalancing, so a rejoin is needed';
  expect(faultsOf({ message: 'Response Heartbeat', error })).toEqual([]);
});
