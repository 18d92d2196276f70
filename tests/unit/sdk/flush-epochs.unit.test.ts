import { describe, expect, it } from 'vitest';
import { createFlushEpochs } from '../../../sdk/src/flush-epochs.ts';

/** True when the promise is settled once all that is pending now has been called. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('createFlushEpochs', () => {
  it('resolves a flush when all that was handed over before has ended', async () => {
    const epochs = createFlushEpochs();
    const { current } = epochs;
    current.open = 2;
    const flushed = epochs.flush();
    current.open = 1;
    expect(epochs.resolveSettled()).toBe(true);
    expect(await isSettled(flushed)).toBe(false);
    current.open = 0;
    expect(epochs.resolveSettled()).toBe(false);
    await flushed;
  });

  it('does not wait for what is handed over after it', async () => {
    const epochs = createFlushEpochs();
    epochs.current.open = 1;
    const before = epochs.current;
    const flushed = epochs.flush();
    before.open = 0;
    epochs.current.open = 5;
    expect(epochs.resolveSettled()).toBe(false);
    await flushed;
  });

  it('resolves a flush after those before it', async () => {
    const epochs = createFlushEpochs();
    const first = epochs.current;
    first.open = 1;
    const flushedFirst = epochs.flush();
    const flushedSecond = epochs.flush();
    expect(epochs.resolveSettled()).toBe(true);
    expect(await isSettled(flushedSecond)).toBe(false);
    first.open = 0;
    expect(epochs.resolveSettled()).toBe(false);
    await Promise.all([flushedFirst, flushedSecond]);
  });
});
