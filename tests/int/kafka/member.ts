import { createConsumer } from '../../../connectors/kafka/create-consumer.ts';
import type { KafkaClientName } from '../../../connectors/kafka/create-consumer.ts';
import type { ConsumerOptions } from '../../../connectors/kafka/port.ts';

/** A member of a group in a process of its own, to be killed: tells its parent its partitions. */
const [client, options] = process.argv.slice(2);
const consumer = await createConsumer(
  client as KafkaClientName,
  JSON.parse(options ?? '{}') as ConsumerOptions,
);
const assigned = new Set<number>();
const tell = (): void => {
  process.send?.([...assigned]);
};
await consumer.run({
  assigned: (given) => {
    for (const place of given) {
      assigned.add(place.partition);
      consumer.start(place, 0);
    }
    tell();
    return Promise.resolve();
  },
  revoked: (taken) => {
    for (const { partition } of taken) assigned.delete(partition);
    tell();
    return Promise.resolve();
  },
  batch: () => undefined,
  offsetOutOfLog: () => undefined,
  fault: () => undefined,
});
