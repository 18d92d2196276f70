import { expect, test } from 'vitest';
import {
  failureOf,
  isMembershipLost,
} from '../../../../../connectors/kafka/kafkajs/protocol-errors.ts';

const protocolError = (type: string) => Object.assign(new Error(type), { type });

test.each([
  'TOPIC_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_VERSION',
  'INVALID_SESSION_TIMEOUT',
])('%s would meet a new membership, too', (type) => {
  const error = protocolError(type);
  expect(failureOf(error)).toEqual({ error, fatal: true });
});

test.each([
  ['a coordinator that moved', protocolError('NOT_COORDINATOR_FOR_GROUP')],
  ['a connection that broke', new Error('Connection timeout')],
])('%s is worth a new membership', (_, error) => {
  expect(failureOf(error)).toEqual({ error, fatal: false });
});

test('something else than an Error is a failure with its words', () => {
  expect(failureOf('boom')).toEqual({ error: new Error('boom'), fatal: false });
});

test.each([
  ['UNKNOWN_MEMBER_ID', true],
  ['ILLEGAL_GENERATION', true],
  ['REBALANCE_IN_PROGRESS', false],
])('a heartbeat answered by %s means a lost membership: %s', (type, lost) => {
  expect(isMembershipLost(protocolError(type))).toBe(lost);
});
