import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { KafkaConsumer } from '../../../../connectors/kafka/port.ts';
import { createPartitionTask } from '../../../../streams/runtime/consume/partition-task.ts';
import type { PartitionTask } from '../../../../streams/runtime/consume/partition-task.ts';
import { createTaskManager } from '../../../../streams/runtime/consume/task-manager.ts';
import type { TaskManager } from '../../../../streams/runtime/consume/task-manager.ts';
import type { BatchWorker } from '../../../../streams/runtime/consume/batch-worker.ts';
import type { Metrics } from '../../../../streams/runtime/observe/metrics.ts';

const MEMBERSHIP_MS = 10_000;
const PARTITION = 5;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Holdings whose take-overs only say that they began. */
function holdingsTelling(begun: () => void): TaskManager {
  const consumer = {
    bounds: () => {
      begun();
      return new Promise(() => undefined);
    },
  } as unknown as KafkaConsumer;
  return createTaskManager({
    name: 'profiles',
    topic: 'user-actions.v1',
    consumer,
    workerOf: () =>
      ({ partitions: new Map(), settled: () => Promise.resolve() }) as unknown as BatchWorker,
    metrics: {} as Metrics,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    membershipMs: MEMBERSHIP_MS,
    fail: (error) => {
      throw error;
    },
    takeOver: {
      key: { processor: 'profiles', topic: 'user-actions.v1' },
      consumer,
      owner: 'test',
      openSession: () => Promise.reject(new Error('not reached')),
      retryFirstMs: 1,
      retryMaxMs: 1,
      retryStatus: () => () => undefined,
    },
  });
}

function heldIn(state: PartitionTask['state']): PartitionTask {
  const held = createPartitionTask(
    PARTITION,
    { next: 0, epoch: 1, last: null, openLedgerRow: null },
    0,
  );
  held.state = state;
  return held;
}

// A batch may outlive its assignment: what it finds out about the partition is the next owner's matter.
test.each([
  ['fenced', 'live', 1],
  ['fenced', 'gone', 0],
  ['rewound', 'live', 1],
  ['rewound', 'gone', 0],
] as const)(
  'a batch that was %s, of a partition that is %s: %d take-overs',
  async (how, state, n) => {
    let begun = 0;
    const holdings = holdingsTelling(() => begun++);

    holdings[how](heldIn(state));
    await vi.advanceTimersByTimeAsync(2 * MEMBERSHIP_MS);

    expect(begun).toBe(n);
    holdings.close();
  },
);
