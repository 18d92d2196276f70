/**
 * A server of the benchmark: `node server-child.ts SETTINGS`, in JSON. Answers each message of its
 * parent with what it cost since the last.
 */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import pg from 'pg';
import { loadConfig } from '../../../cli/config/config.ts';
import { openRecommender } from '../../../cli/serving/open-recommender.ts';
import { serve } from '../../../cli/serving/serve.ts';
import { bareKey } from './lists.ts';
import type { ServerFigures, ServerSettings } from './servers.ts';
import { openNoServeLog } from './no-serve-log.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as ServerSettings;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let since = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(since);
  const figures: ServerFigures = {
    cpuUs: user + system,
    loopDelayP99Ms: delay.percentile(99) / 1e6,
    rssBytes: process.memoryUsage.rss(),
  };
  since = process.cpuUsage();
  delay.reset();
  process.send?.(figures);
});

switch (settings.kind) {
  case 'api':
    await serveApi();
    break;
  case 'bare':
    bareRedis();
    break;
  case 'bare-sql':
    bareSql();
    break;
}

/** `marquee serve` with files of its own; its Redis may be another one than the processors'. */
async function serveApi(): Promise<void> {
  const config = loadConfig({ home: settings.stackHome }, {});
  await serve(
    {
      ...config,
      home: settings.home,
      redis: { url: settings.redisUrl },
      serve: { ...config.serve, port: settings.port },
      log: { level: 'warn' },
    },
    (at, registry) =>
      openRecommender(at, registry, settings.logsServes ? {} : { openServeLog: openNoServeLog }),
  );
  process.disconnect();
}

function answer(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'private, no-store',
    'content-length': body.length,
  });
  response.end(body);
}

/** node:http and a GET of the bytes that are sent, nothing else: what no server in Node can be below. */
function bareRedis(): void {
  const redis = new Redis(settings.redisUrl, { enableAutoPipelining: true });
  createServer((request, response) => {
    // The body of a request is part of it, read or not.
    request.resume();
    void redis.getBuffer(bareKey(request.url ?? '')).then((body) => {
      if (body === null) response.writeHead(404).end();
      else answer(response, body);
    });
  }).listen(settings.port, '127.0.0.1');
}

/** The same with one query; the user of the path is its only parameter. */
function bareSql(): void {
  const pool = new pg.Pool({
    connectionString: settings.postgresUrl,
    max: 10,
    options: '-c search_path=marquee,public',
  });
  const { sql = '' } = settings;
  createServer((request, response) => {
    request.resume();
    const [, , , user = ''] = (request.url ?? '').split('/');
    void pool.query({ name: 'bare', text: sql, values: [user] }).then(({ rows }) => {
      answer(response, Buffer.from(JSON.stringify(rows)));
    });
  }).listen(settings.port, '127.0.0.1');
}
