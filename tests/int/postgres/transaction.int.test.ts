import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openSession } from '../../../connectors/postgres/session.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { CommitUnknown, Rollback } from '../../../connectors/postgres/transaction.ts';
import { sharedStack } from '../../support/shared-stack.ts';

const open = () =>
  openSession({
    url: sharedStack().adminUrl,
    applicationName: 'transaction test',
    searchPath: 'public',
  });

let session: Session;
let other: Session;
beforeAll(async () => {
  [session, other] = [await open(), await open()];
  // What a COMMIT checks, it may refuse.
  await session.execute(`CREATE TABLE transacted (id int,
    CONSTRAINT one_each UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)`);
});
beforeEach(() => session.execute('TRUNCATE transacted'));
afterAll(async () => {
  await session.execute('DROP TABLE transacted');
  await Promise.all([session.close(), other.close()]);
});

const insert = (id: number) => session.execute('INSERT INTO transacted VALUES ($1)', [id]);
const seenByOthers = async (): Promise<number[]> => {
  const rows = await other.query<{ id: number }>('SELECT id FROM transacted ORDER BY id');
  return rows.map(({ id }) => id);
};

test('others see the work once it is committed, and not before', async () => {
  const before = await session.transaction(async () => {
    await insert(1);
    return seenByOthers();
  });
  expect(before).toEqual([]);
  expect(await seenByOthers()).toEqual([1]);
});

test('work that throws, or returns a Rollback, leaves nothing, and the session works on', async () => {
  const failed = session.transaction(async () => {
    await insert(1);
    await session.execute('SELECT 1 / 0');
  });
  await expect(failed).rejects.toMatchObject({ code: 'MARQUEE_PG_REFUSED' });
  const result = await session.transaction(async () => new Rollback(await insert(2)));
  expect(result).toBe(1);
  await session.transaction(() => insert(3));
  expect(await seenByOthers()).toEqual([3]);
});

test('a COMMIT that Postgres refuses has undone the work, and is no unknown one', async () => {
  const refused = session.transaction(async () => {
    await insert(1);
    await insert(1);
  });
  await expect(refused).rejects.toThrow('one_each');
  await expect(refused).rejects.not.toBeInstanceOf(CommitUnknown);
  expect(await seenByOthers()).toEqual([]);
});

test('a repeatable read sees its first moment throughout', async () => {
  const counts = await session.transaction(async () => {
    const first = await session.query('SELECT FROM transacted');
    await other.execute('INSERT INTO transacted VALUES (1)');
    return [first.length, (await session.query('SELECT FROM transacted')).length];
  }, 'REPEATABLE READ READ ONLY');
  expect(counts).toEqual([0, 0]);
  expect(await seenByOthers()).toEqual([1]);
});

test('a connection that ends before COMMIT leaves a commit of unknown result', async () => {
  const ended = await open();
  const committed = ended.transaction(async () => {
    await ended.execute('INSERT INTO transacted VALUES (1)');
    await other.query('SELECT pg_terminate_backend($1, 5000)', [ended.pid]);
  });
  await expect(committed).rejects.toBeInstanceOf(CommitUnknown);
  expect(ended.usable()).toBe(false);
  expect(await seenByOthers()).toEqual([]);
});
