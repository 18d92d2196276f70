import { describe, expect, test } from 'vitest';
import {
  CommitUnknown,
  Rollback,
  inTransaction,
} from '../../../../connectors/postgres/transaction.ts';

/** A connection that keeps what it was told, and fails where the test says so. */
function fakeConnection(faults: Readonly<Record<string, Error>> = {}) {
  const told: string[] = [];
  let usable = true;
  return {
    told,
    usable: () => usable,
    lose: () => {
      usable = false;
    },
    execute: (text: string) => {
      told.push(text);
      const fault = faults[text];
      return fault === undefined ? Promise.resolve(0) : Promise.reject(fault);
    },
  };
}

const sqlError = (code: string) => Object.assign(new Error('refused'), { code });
const lostAnswer = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

test('the work is done between BEGIN and COMMIT, and its result is given', async () => {
  const connection = fakeConnection();
  const result = await inTransaction(connection, async () => {
    await connection.execute('INSERT');
    return 7;
  });
  expect(result).toBe(7);
  expect(connection.told).toEqual(['BEGIN', 'INSERT', 'COMMIT']);
});

test('the isolation that is asked for stands in BEGIN', async () => {
  const connection = fakeConnection();
  await inTransaction(connection, () => Promise.resolve(), 'REPEATABLE READ READ ONLY');
  expect(connection.told[0]).toBe('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
});

test('without a transaction no work is done', async () => {
  const connection = fakeConnection({ BEGIN: lostAnswer() });
  const begun = inTransaction(connection, () => connection.execute('INSERT'));
  await expect(begun).rejects.toThrow('socket hang up');
  expect(connection.told).toEqual(['BEGIN']);
});

describe('work that throws', () => {
  test('is rolled back, and its error thrown', async () => {
    const connection = fakeConnection();
    const failed = inTransaction(connection, () => Promise.reject(new Error('a bad row')));
    await expect(failed).rejects.toThrow('a bad row');
    expect(connection.told).toEqual(['BEGIN', 'ROLLBACK']);
  });

  test('throws its own error also where ROLLBACK fails', async () => {
    const connection = fakeConnection({ ROLLBACK: lostAnswer() });
    const failed = inTransaction(connection, () => Promise.reject(new Error('a bad row')));
    await expect(failed).rejects.toThrow('a bad row');
  });

  test('tells nothing to a connection that is gone: the server rolls back', async () => {
    const connection = fakeConnection();
    const failed = inTransaction(connection, () => {
      connection.lose();
      return Promise.reject(lostAnswer());
    });
    await expect(failed).rejects.toThrow('socket hang up');
    expect(connection.told).toEqual(['BEGIN']);
  });
});

describe('work that returns a Rollback', () => {
  test('gives its result and changes nothing', async () => {
    const connection = fakeConnection();
    const result = await inTransaction(connection, () => Promise.resolve(new Rollback('fenced')));
    expect(result).toBe('fenced');
    expect(connection.told).toEqual(['BEGIN', 'ROLLBACK']);
  });

  test('is never a commit of unknown result, though the answer to ROLLBACK is lost', async () => {
    const connection = fakeConnection({ ROLLBACK: lostAnswer() });
    const failed = inTransaction(connection, () => Promise.resolve(new Rollback('fenced')));
    await expect(failed).rejects.not.toBeInstanceOf(CommitUnknown);
  });
});

describe('a COMMIT', () => {
  test.each(['40001', '40P01', '53100', '23505'])(
    'that is refused (%s) throws the refusal: nothing counts',
    async (code) => {
      const refusal = sqlError(code);
      const connection = fakeConnection({ COMMIT: refusal });
      await expect(inTransaction(connection, () => Promise.resolve())).rejects.toBe(refusal);
      expect(connection.told).toEqual(['BEGIN', 'COMMIT']);
    },
  );

  test.each([
    ['a broken connection', lostAnswer()],
    ['a server that is going down', sqlError('57P01')],
    ['a connection that the server ended', sqlError('08006')],
    ['a session that idled too long', sqlError('25P03')],
  ])('whose answer is lost by %s is CommitUnknown, and retriable', async (_, cause) => {
    const connection = fakeConnection({ COMMIT: cause });
    const committed = inTransaction(connection, () => Promise.resolve());
    await expect(committed).rejects.toBeInstanceOf(CommitUnknown);
    await expect(committed).rejects.toMatchObject({ retriable: true, cause });
    // Whether it counts is for the tables to say: nothing is rolled back.
    expect(connection.told).toEqual(['BEGIN', 'COMMIT']);
  });
});
