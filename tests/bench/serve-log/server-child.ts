/**
 * An HTTP server that answers with a list of 20 movies, and logs it or not:
 * `node server-child.ts FOLDER BROKERS REGISTRY`. Says its port on a line. `/figures?log=1` answers
 * with what it did since the last time it was asked, and says whether to log from now on.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { createServeLog } from '../../../serving/log/serve-log.ts';
import { fullServe } from '../../support/serves.ts';
import type { ServerFigures } from './load.ts';

const [folder = '', brokers = '', registryUrl = ''] = process.argv.slice(2);
const say = (fields: object): void => {
  process.stderr.write(`${JSON.stringify(fields)}\n`);
};
const serveLog = await createServeLog({
  folder,
  kafka: { brokers: brokers.split(','), registryUrl },
  log: { info: say, warn: say, error: say },
});
const serves = Array.from({ length: 1_000 }, (_, n) => fullServe(n));
const items = serves[0]?.movie_ids.map((id, n) => ({
  id,
  score: serves[0]?.scores[n],
  reasons: [serves[0]?.reasons[n]],
}));
const rest = JSON.stringify({ items }).slice(1);
let logging = false;
let requests = 0;
let since = process.cpuUsage();

function figures(): ServerFigures {
  const { user, system } = process.cpuUsage(since);
  const { waitingRecords, lost } = serveLog.counts();
  const memoryBytes = process.memoryUsage.rss();
  const done = { requests, cpuUs: user + system, waitingRecords, lost, memoryBytes };
  requests = 0;
  since = process.cpuUsage();
  return done;
}

const server = createServer((request, response) => {
  const answer = (body: Buffer): void => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': body.length,
    });
    response.end(body);
  };
  if (request.url?.startsWith('/figures') === true) {
    logging = request.url.endsWith('log=1');
    answer(Buffer.from(JSON.stringify(figures())));
    return;
  }
  requests += 1;
  const now = Date.now();
  const id = uuidv7(now);
  const body = Buffer.from(`{"request_id":"${formatUuid(id)}",${rest}`);
  if (!logging) {
    answer(body);
    return;
  }
  const serve = serves[requests % serves.length] as (typeof serves)[number];
  void serveLog.append({ ...serve, request_id: id, served_at: now }).then(() => {
    answer(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
