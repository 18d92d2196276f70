/** Emits events and never closes the producer: what arrives is what the drain sent. */
import { createProducer } from '../../../sdk/src/index.ts';
import { MINUTE_MS } from '../../../common/time.ts';

const [brokers, registryUrl, app, mode] = process.argv.slice(2) as [string, string, string, string];
const producer = createProducer({
  app,
  brokers: brokers.split(','),
  registryUrl,
  // Nothing leaves by itself before the signal comes.
  lingerMs: MINUTE_MS,
});
if (mode === 'own-handler') {
  process.on('SIGTERM', () => {
    producer.view({ userId: `${app}-last`, movieId: 1 });
    void producer.close().then(() => process.exit(7));
  });
}
await producer.ready;
for (let n = 0; n < 1_000; n += 1) producer.view({ userId: `${app}-${String(n)}`, movieId: 1 });
process.stdout.write('emitted\n');
setInterval(() => undefined, 1_000);
