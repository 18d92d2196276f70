import { loadConfig } from '../../cli/config/config.ts';
import { uuidv7 } from '../../common/uuid.ts';
import { readExamples } from '../../schemas/examples.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { createPublisher } from '../../sdk/src/publisher.ts';

/**
 * `node send-examples-child.ts <topic> <ms>` sends the topic's good examples as events of that
 * time: example n has the time ms + n, and an id that the same call gives again.
 */
const [topic, ms] = process.argv.slice(2) as [TopicName, string];
const { kafka, registry } = loadConfig();
const publisher = createPublisher(
  { brokers: kafka.brokers, registryUrl: registry.url, clientId: 'send-examples' },
  [topic],
);
const examples = (await readExamples(topic)).filter(({ outcome }) => outcome === 'ok');
for (const [n, { key, value }] of examples.entries()) {
  const at = Number(ms) + n;
  const event = { ...value, event_id: uuidv7(at, new Uint8Array(10)), occurred_at: at };
  publisher.publish(topic, key, event as never);
}
await publisher.flush();
const { acked } = publisher.counts();
await publisher.close();
process.stdout.write(`${acked}\n`);
