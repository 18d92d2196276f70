import { describe, expect, test } from 'vitest';
import {
  isConnectionLoss,
  sqlState,
  toPostgresError,
} from '../../../../connectors/postgres/errors.ts';

function failure(code: string | undefined, message = 'it failed'): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

describe('a fault of a connection', () => {
  test.each(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', undefined])(
    '%s is worth another try',
    (code) => {
      const error = toPostgresError(failure(code), 'COPY t');

      expect(sqlState(failure(code))).toBeUndefined();
      expect(error).toMatchObject({ code: 'MARQUEE_PG_UNAVAILABLE', retriable: true });
      expect(isConnectionLoss(error)).toBe(true);
    },
  );
});

describe('a fault that the server names', () => {
  test.each([
    ['53100', 'MARQUEE_PG_DISK_FULL', true],
    ['25006', 'MARQUEE_PG_READ_ONLY', true],
    ['57P01', 'MARQUEE_PG_RETRY', true],
    ['40P01', 'MARQUEE_PG_RETRY', true],
    ['42P01', 'MARQUEE_PG_REFUSED', false],
    ['XX000', 'MARQUEE_PG_REFUSED', false],
  ])('%s is %s', (state, code, retriable) => {
    expect(toPostgresError(failure(state), 'COPY t')).toMatchObject({ code, retriable });
  });
});
