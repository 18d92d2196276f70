import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '../../common/backoff.ts';
import { MarqueeError } from '../../common/error.ts';
import { formatKey, hashSecret, makeKey } from '../../serving/api/keys/key-text.ts';
import { insertKey } from '../../serving/api/keys/key-table.ts';
import { createProducer } from '../../sdk/src/producer.ts';
import { PROCESSORS } from '../../streams/index.ts';
import type { Config } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { createProgress } from '../terminal/progress.ts';
import { createApiClient } from './api-client.ts';
import { startCommand, startProcessors } from './child-command.ts';
import type { ChildCommand } from './child-command.ts';
import { showChange } from './show-change.ts';
import { simulateUsers } from './simulated-users.ts';
import type { Traffic } from './simulated-users.ts';

const START_MS = 30_000;
const LOOK_MS = 100;

/**
 * Everything at once, live: the processors, the API, and users who ask for lists and click what they like.
 * Shows a list before and after an action, and a line to try; ends after the time, or by a signal.
 */
export async function runLive(
  config: Config,
  seconds: number | null,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const progress = createProgress(process.stderr);
  const children: ChildCommand[] = [];
  const logOf = (name: string): string => join(config.home, 'logs', `demo-${name}.log`);
  const producer = createProducer({
    app: 'demo',
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    drainOnSigterm: false,
  });
  let traffic: Traffic | null = null;
  try {
    // Before the API starts: it knows of keys that are made later after a while.
    const key = await makeDemoKey(config);
    children.push(startProcessors(logOf('processors'), Object.keys(PROCESSORS)));
    const api = startCommand(logOf('api'), ['serve', '--port', '0']);
    children.push(api);
    const url = await apiUrl(api, signal);
    const client = createApiClient(url, key);
    const users = await busiestUsers(config);
    const [shown] = users;
    if (shown === undefined) return;
    const until = seconds === null ? null : performance.now() + seconds * 1000;
    const step = progress.step('live');
    traffic = simulateUsers({ client, producer, users: users.slice(1), signal }, (counts) => {
      step.update(
        `${counts.lists} lists, ${counts.clicks} clicks, of which ${counts.fromCache} from Redis`,
      );
    });
    print(await showChange(client, producer, shown, signal));
    print(describeTry(url, key, shown, seconds));
    while (!signal.aborted && (until === null || performance.now() < until)) {
      for (const child of children) child.check();
      await pause(LOOK_MS, signal);
    }
    const counts = await traffic.stop();
    step.done(`${counts.lists} lists, ${counts.clicks} clicks, ${counts.failed} requests failed`);
  } finally {
    await traffic?.stop();
    progress.close();
    await producer.close();
    await Promise.all(children.map((child) => child.stop()));
  }
}

function describeTry(url: string, key: string, user: string, seconds: number | null): string {
  const path = `/v1/users/${encodeURIComponent(user)}/recommendations?limit=3&include=title`;
  return [
    '',
    `The API is at ${url}${seconds === null ? ' until Ctrl-C' : ` for ${seconds} s`}. Try it:`,
    `  curl -s -H 'Authorization: Bearer ${key}' '${url}${path}'`,
  ].join('\n');
}

/** Where it listens, as its log says. */
async function apiUrl(api: ChildCommand, signal: AbortSignal): Promise<string> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && !signal.aborted) {
    api.check();
    const found = /"api":"([^"]+)"/.exec(readFileSync(api.logFile, 'utf8'))?.[1];
    if (found !== undefined) return found;
    await pause(LOOK_MS, signal);
  }
  throw new MarqueeError(
    'MARQUEE_DEMO_PROCESSORS',
    `the API did not start within ${START_MS / 1000} s. Log: ${api.logFile}`,
  );
}

async function makeDemoKey(config: Config): Promise<string> {
  const made = makeKey();
  await withSession(config.postgres.writerUrl, 'demo', (session) =>
    insertKey(session, {
      keyId: made.keyId,
      secretSha256: hashSecret(made.secret),
      scopes: ['read', 'emit'],
      app: 'demo',
      userId: null,
      requestsPerSecond: null,
      note: 'made by marquee demo',
    }),
  );
  return formatKey(made);
}

const USERS = 25;

async function busiestUsers(config: Config): Promise<string[]> {
  const rows = await withSession(config.postgres.readerUrl, 'demo', (session) =>
    session.query<{ user: string }>(
      `SELECT user_id AS user FROM user_profiles
        ORDER BY total_interactions DESC, user_id LIMIT ${USERS}`,
    ),
  );
  return rows.map(({ user }) => user);
}
