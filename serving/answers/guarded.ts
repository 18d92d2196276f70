import { createBreaker } from '../../common/breaker.ts';
import { asError } from '../../common/error.ts';

/** What became of something asked of a server that may be away. */
export type Guarded<T> =
  | { readonly kind: 'got'; readonly value: T }
  /** `why` is a word for the steps of an answer. */
  | { readonly kind: 'failed'; readonly why: 'unavailable' | 'timeout' | 'resting' };

/** Asks within a time budget; while the server fails it is left alone, and nobody waits for it. */
export interface Guard {
  ask<T>(work: () => Promise<T>): Promise<Guarded<T>>;
  isOpen(): boolean;
}

export interface GuardOptions {
  readonly budgetMs: number;
  /** Told of the first failure of a row, and of the end. */
  changed(open: boolean, error: unknown): void;
}

const FAILURES_MAX = 5;
const REST_MS = 500;

export function createGuard({ budgetMs, changed }: GuardOptions): Guard {
  const breaker = createBreaker({ failuresMax: FAILURES_MAX, restMs: REST_MS });
  const failed = (error: unknown): void => {
    const before = breaker.isOpen();
    breaker.failed();
    if (!before && breaker.isOpen()) changed(true, error);
  };
  return {
    ask<T>(work: () => Promise<T>): Promise<Guarded<T>> {
      if (!breaker.allows()) return Promise.resolve({ kind: 'failed', why: 'resting' });
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          isLate = true;
          failed(new Error(`no answer within ${budgetMs} ms`));
          resolve({ kind: 'failed', why: 'timeout' });
        }, budgetMs);
        // After its time nobody is told of it any more.
        let isLate = false;
        begun(work).then(
          (value) => {
            if (isLate) return;
            clearTimeout(timer);
            if (breaker.isOpen()) changed(false, null);
            breaker.succeeded();
            resolve({ kind: 'got', value });
          },
          (error: unknown) => {
            if (isLate) return;
            clearTimeout(timer);
            failed(error);
            resolve({ kind: 'failed', why: 'unavailable' });
          },
        );
      });
    },
    isOpen() {
      return breaker.isOpen();
    },
  };
}

/** Also what is thrown before there is a promise is a failure of what was asked, not of the answer. */
function begun<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(asError(error));
  }
}
