import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { every, settledWithin, withDeadline } from '../../../common/timers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('every', () => {
  it('calls one at a time: the next comes so long after the end of the one before', async () => {
    const calls: PromiseWithResolvers<undefined>[] = [];
    const end = every(
      100,
      () => {
        const call = Promise.withResolvers<undefined>();
        calls.push(call);
        return call.promise;
      },
      () => undefined,
    );
    await vi.advanceTimersByTimeAsync(100);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(calls).toHaveLength(1);
    calls[0]?.resolve(undefined);
    await vi.advanceTimersByTimeAsync(100);
    expect(calls).toHaveLength(2);
    end();
  });

  it('tells a failure, thrown or rejected, and goes on', async () => {
    const failures: unknown[] = [];
    const works = [
      () => {
        throw new Error('thrown');
      },
      () => Promise.reject(new Error('rejected')),
    ];
    const end = every(
      10,
      () => works.shift()?.(),
      (error) => failures.push((error as Error).message),
    );
    await vi.advanceTimersByTimeAsync(50);
    expect(failures).toEqual(['thrown', 'rejected']);
    end();
  });

  it('does not call again after its end, also when a call is under way', async () => {
    const call = Promise.withResolvers<undefined>();
    const work = vi.fn(() => call.promise);
    const end = every(10, work, () => undefined);
    await vi.advanceTimersByTimeAsync(10);
    end();
    call.resolve(undefined);
    await vi.advanceTimersByTimeAsync(100);
    expect(work).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('withDeadline', () => {
  it('gives the result that came in time, and leaves no timer', async () => {
    expect(await withDeadline(100, Promise.resolve(7), () => 0)).toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects as the promise did in time', async () => {
    const failed = withDeadline(100, Promise.reject(new Error('refused')), () => 0);
    await expect(failed).rejects.toThrow('refused');
  });

  it('gives what is left for those who are late, or throws it', async () => {
    const never = new Promise<number>(() => undefined);
    const late = withDeadline(100, never, () => -1);
    const thrown = withDeadline(100, never, () => {
      throw new Error('too late');
    });
    const refused = expect(thrown).rejects.toThrow('too late');
    await vi.advanceTimersByTimeAsync(100);
    expect(await late).toBe(-1);
    await refused;
  });

  it('lets a failure after its time be: it is not unhandled', async () => {
    const { promise, reject } = Promise.withResolvers<number>();
    const late = withDeadline(100, promise, () => -1);
    await vi.advanceTimersByTimeAsync(100);
    reject(new Error('nobody asks any more'));
    expect(await late).toBe(-1);
  });
});

describe('settledWithin', () => {
  it('tells whether the promise was settled by then', async () => {
    expect(await settledWithin(100, Promise.resolve())).toBe(true);
    const late = settledWithin(100, new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(100);
    expect(await late).toBe(false);
  });

  it('rejects when the promise does', async () => {
    const failed = settledWithin(100, Promise.reject(new Error('refused')));
    await expect(failed).rejects.toThrow('refused');
  });
});
