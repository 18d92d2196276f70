import { createConsumer } from '../../../connectors/kafka/create-consumer.ts';
import type { KafkaClientName } from '../../../connectors/kafka/create-consumer.ts';
import type { ConsumerOptions } from '../../../connectors/kafka/port.ts';

/** A process of its own: a receiver that pauses each partition at its first batch for good. */
const LOOKS = 30;
const [client, json, partitions] = process.argv.slice(2);
const options = JSON.parse(json ?? '{}') as ConsumerOptions;
const consumer = await createConsumer(client as KafkaClientName, options);
const before = process.memoryUsage().rss;
const paused = new Set<number>();
let records = 0;
const kept: unknown[] = [];
const allPaused = Promise.withResolvers<undefined>();
void consumer.run({
  assigned: (given) => {
    for (const place of given) consumer.start(place, 0);
    return Promise.resolve();
  },
  revoked: () => Promise.resolve(),
  batch: (batch) => {
    kept.push(batch);
    records += batch.count;
    paused.add(batch.partition);
    consumer.pause(batch);
    if (paused.size === Number(partitions)) allPaused.resolve(undefined);
  },
  offsetOutOfLog: () => undefined,
  fault: () => undefined,
});
await allPaused.promise;
let most = 0;
for (let look = 0; look < LOOKS; look += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  most = Math.max(most, process.memoryUsage().rss);
}
process.send?.({ grownBytes: most - before, records, batches: kept.length });
await consumer.stop();
