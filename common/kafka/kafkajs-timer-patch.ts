import { createRequire } from 'node:module';

/**
 * kafkajs 2.2.4 arms a timer after every answer, with a negative delay while nothing is throttled:
 * Node 24 prints a warning for it, and the timer does nothing. Arm it only when requests wait.
 */
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const load = createRequire(import.meta.url);
const { prototype } = load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
const schedule: unknown = Reflect.get(prototype, 'scheduleCheckPendingRequests');

prototype.scheduleCheckPendingRequests = function scheduleWhenPending(this: RequestQueue): void {
  if (this.pending.length > 0 && typeof schedule === 'function') Reflect.apply(schedule, this, []);
};
