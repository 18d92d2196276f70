import type { Epoch } from './flush-epochs.ts';

/** The two things that a caller may wait for after it has handed an event over. */
export interface Delivery {
  /** Resolves when the event is in the buffer: at once while there is room, see `whenFull`. */
  readonly accepted: Promise<void>;
  /**
   * Resolves when Kafka has acknowledged the event, rejects with a MarqueeError when it never will.
   * It may be left alone: an event that fails is counted, and no unhandled rejection comes of it.
   */
  readonly delivered: Promise<void>;
}

type State = 'waiting' | 'accepted' | 'delivered';
const DONE = Promise.resolve();

/**
 * One event's way from its call to its end. Promises are made when somebody asks for them: most
 * callers never do, and at tens of thousands of events a second they would be a good part of the
 * cost.
 */
export class DeliveryReport implements Delivery {
  readonly epoch: Epoch;
  #state: State;
  #error: Error | null = null;
  #accepted: PromiseWithResolvers<void> | null = null;
  #delivered: PromiseWithResolvers<void> | null = null;

  constructor(state: 'waiting' | 'accepted', epoch: Epoch) {
    this.epoch = epoch;
    this.#state = state;
  }

  get accepted(): Promise<void> {
    this.#accepted ??= this.#open(this.#state !== 'waiting');
    return this.#accepted.promise;
  }

  get delivered(): Promise<void> {
    this.#delivered ??= this.#open(this.#state === 'delivered');
    return this.#delivered.promise;
  }

  isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  accept(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'accepted';
    this.#accepted?.resolve();
  }

  deliver(): void {
    this.accept();
    this.#state = 'delivered';
    this.#delivered?.resolve();
  }

  fail(error: Error): void {
    this.#error = error;
    if (this.#state === 'waiting') this.#accepted?.reject(error);
    this.#delivered?.reject(error);
  }

  #open(done: boolean): PromiseWithResolvers<void> {
    const deferred: PromiseWithResolvers<void> = Promise.withResolvers();
    deferred.promise.catch(() => undefined);
    if (done) deferred.resolve(DONE);
    else if (this.#error !== null) deferred.reject(this.#error);
    return deferred;
  }
}
