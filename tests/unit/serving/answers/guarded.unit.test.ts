import { expect, it } from 'vitest';
import { createGuard } from '../../../../serving/answers/guarded.ts';

const never = new Promise<never>(() => undefined);

function guard(budgetMs = 1_000) {
  const changes: boolean[] = [];
  return {
    changes,
    guard: createGuard({ budgetMs, changed: (open) => changes.push(open) }),
  };
}

it('gives what the work gave, or says that its server failed', async () => {
  const { guard: asked } = guard();
  expect(await asked.ask(() => Promise.resolve(7))).toEqual({ kind: 'got', value: 7 });
  const failed = await asked.ask(() => Promise.reject(new Error('away')));
  expect(failed).toEqual({ kind: 'failed', why: 'unavailable' });
});

it('waits no longer than its budget, and leaves alone what fails again and again', async () => {
  const { guard: asked, changes } = guard(1);
  for (let n = 0; n < 5; n++)
    expect(await asked.ask(() => never)).toEqual({ kind: 'failed', why: 'timeout' });
  expect(changes).toEqual([true]);
  expect(await asked.ask(() => never)).toEqual({ kind: 'failed', why: 'resting' });
});

it('counts work that fails after its time once', async () => {
  const { guard: asked } = guard(1);
  const late = Promise.withResolvers<number>();
  for (let n = 0; n < 4; n++) await asked.ask(() => late.promise);
  late.reject(new Error('too late'));
  await Promise.resolve();
  expect(asked.isOpen()).toBe(false);
});

it('makes a failure of what throws before it has begun', async () => {
  const { guard: asked } = guard();
  const throws = (): Promise<never> => {
    throw new Error('not even begun');
  };
  expect(await asked.ask(throws)).toEqual({ kind: 'failed', why: 'unavailable' });
});
