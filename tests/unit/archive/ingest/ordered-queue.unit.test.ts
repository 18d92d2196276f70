import { expect, test } from 'vitest';
import { createOrderedQueue } from '../../../../archive/ingest/ordered-queue.ts';

/** Work whose first part ends when it is told to. */
function createWork(log: string[], name: string) {
  const first = Promise.withResolvers<undefined>();
  return {
    end: () => {
      first.resolve(undefined);
    },
    fail: (error: Error) => {
      first.reject(error);
    },
    async work(before: Promise<void>): Promise<void> {
      log.push(`${name} begins`);
      await first.promise;
      await before;
      log.push(`${name} ends`);
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('work goes on side by side, and ends in the order in which it came', async () => {
  const log: string[] = [];
  const [a, b] = [createWork(log, 'a'), createWork(log, 'b')];
  const queue = createOrderedQueue(2);
  await queue.add(a.work);
  await queue.add(b.work);
  b.end();
  await settle();
  expect(log).toEqual(['a begins', 'b begins']);
  a.end();
  await queue.close();
  expect(log).toEqual(['a begins', 'b begins', 'a ends', 'b ends']);
});

test('more than its width waits for the oldest', async () => {
  const log: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => createWork(log, name)) as [
    ReturnType<typeof createWork>,
    ReturnType<typeof createWork>,
    ReturnType<typeof createWork>,
  ];
  const queue = createOrderedQueue(2);
  await queue.add(a.work);
  await queue.add(b.work);
  const added = queue.add(c.work);
  await settle();
  expect(log).toEqual(['a begins', 'b begins']);
  a.end();
  await added;
  expect(log).toEqual(['a begins', 'b begins', 'a ends', 'c begins']);
  b.end();
  c.end();
  await queue.close();
});

test('a failure keeps later work from ending, and is thrown by what comes after', async () => {
  const log: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => createWork(log, name)) as [
    ReturnType<typeof createWork>,
    ReturnType<typeof createWork>,
    ReturnType<typeof createWork>,
  ];
  const queue = createOrderedQueue(4);
  await queue.add(a.work);
  await queue.add(b.work);
  b.end();
  a.fail(new Error('a failed'));
  await settle();
  await expect(queue.add(c.work)).rejects.toThrow('a failed');
  await expect(queue.close()).rejects.toThrow('a failed');
  expect(log).toEqual(['a begins', 'b begins']);
});

test('closing waits for all work, and takes no more', async () => {
  const log: string[] = [];
  const [a, b] = [createWork(log, 'a'), createWork(log, 'b')];
  const queue = createOrderedQueue(1);
  await queue.add(a.work);
  const waiting = queue.add(b.work);
  const closed = queue.close();
  a.end();
  await expect(waiting).rejects.toThrow('closed');
  await closed;
  expect(log).toEqual(['a begins', 'a ends']);
});
