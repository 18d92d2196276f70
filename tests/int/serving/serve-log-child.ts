/**
 * Appends serves and says each one's id on a line once it was appended, as an API would answer:
 * `node serve-log-child.ts FOLDER BROKERS REGISTRY FIRST COUNT`. Ends well when all are sent.
 */
import { formatUuid } from '../../../common/uuid.ts';
import { createServeLog } from '../../../serving/log/serve-log.ts';
import { fullServe } from '../../support/serves.ts';

const [folder = '', brokers = '', registryUrl = '', first = '', count = ''] = process.argv.slice(2);
const say = (level: string) => (fields: object) => {
  process.stderr.write(`${JSON.stringify({ level, ...fields })}\n`);
};
const serveLog = await createServeLog({
  folder,
  kafka: { brokers: brokers.split(','), registryUrl },
  log: { info: say('info'), warn: say('warn'), error: say('error') },
});
const end = Number(first) + Number(count);
for (let n = Number(first); n < end;) {
  // A few requests a turn of the event loop, each of which is answered when it was appended.
  const turn = Array.from({ length: Math.min(1 + (n % 7), end - n) }, async () => {
    const serve = { ...fullServe(n), properties: { n: String(n++) } };
    await serveLog.append(serve);
    process.stdout.write(`${formatUuid(serve.request_id)}\n`);
  });
  await Promise.all(turn);
}
await serveLog.close({ timeoutMs: 60_000 });
const { waitingRecords, lost } = serveLog.counts();
process.exitCode = waitingRecords === 0 && lost === 0 ? 0 : 1;
