import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../../common/random.ts';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { createRegistryClient } from '../../../connectors/registry/client.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import type { RecommendationServeRecord } from '../../../schemas/generated/types.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { createProducer } from '../../../sdk/src/index.ts';
import { createServeLog } from '../../../serving/log/serve-log.ts';
import type { ServeLog } from '../../../serving/log/serve-log.ts';
import { serveLogs } from '../../../streams/serve-logs/processor.ts';
import { fullServe, serve } from '../../support/serves.ts';
import { memoryLog, spoolFolder } from '../../support/serving/spool.ts';
import { startEnvironment } from '../../support/streams/environment.ts';
import type { Environment, Running } from '../../support/streams/environment.ts';
import { until } from '../../support/until.ts';

const SEED = Date.now() % 1_000_000;
const ROUNDS = 12;
const RECORDS = 10_000;

let env: Environment;
let running: Running;

beforeAll(async () => {
  env = await startEnvironment();
  running = await env.run([serveLogs]);
});

afterAll(async () => {
  await running.stop();
  await env.close();
});

function kafka() {
  const { brokers } = env.config.kafka;
  return { brokers, registryUrl: env.config.registry.url, retryFirstMs: 50, retryMaxMs: 500 };
}

async function open(folder: string, bytesMax?: number) {
  const log = memoryLog();
  return { log, serveLog: await createServeLog({ folder, bytesMax, log, kafka: kafka() }) };
}

/** Waits until all is in the tables that is in the log; the serve log has sent it before. */
async function rowsOf(ids: readonly string[]): Promise<number> {
  await env.caughtUp([serveLogs]);
  const [row] = await env.db.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM recommendation_logs WHERE request_id = ANY($1::uuid[])',
    [ids],
  );
  return row?.n ?? 0;
}

const idOf = ({ request_id: id }: RecommendationServeRecord) => formatUuid(id);

async function allSent(serveLog: ServeLog): Promise<void> {
  await until('all to be acknowledged', 60_000, () => serveLog.counts().waitingRecords === 0);
}

describe('an API that is killed', () => {
  it(`loses no list that it answered with (seed ${SEED})`, async () => {
    const random = createRandom(SEED);
    const folder = spoolFolder();
    const answered: string[] = [];
    let kills = 0;
    for (let round = 0; ; round += 1) {
      const left = RECORDS - answered.length;
      const last = round >= ROUNDS && left <= RECORDS / 2;
      const child = startChild(folder, round * RECORDS, last ? Math.max(left, 1) : RECORDS);
      // Before it has begun, while it takes up what is left, or in the middle of appending.
      const atLine = round % 4 === 3 ? 0 : 1 + random.below(2_500);
      const killed = last ? null : child.killAfter(atLine, random.below(atLine === 0 ? 900 : 60));
      const exit = await child.exited;
      await killed;
      answered.push(...child.lines());
      if (last) {
        expect(exit, child.errors()).toEqual([0, null]);
        break;
      }
      if (exit[1] === 'SIGKILL') kills += 1;
    }
    expect(kills).toBeGreaterThanOrEqual(10);
    expect(answered.length).toBeGreaterThanOrEqual(RECORDS);
    expect(new Set(answered).size).toBe(answered.length);
    expect(await rowsOf(answered)).toBe(answered.length);
    expect(await wrongRows()).toEqual([]);
    // Nothing is left but what the next one begins with.
    const bytes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...bytes)).toBeLessThan(1_000);
  });
});

function startChild(folder: string, first: number, count: number) {
  const { brokers, registryUrl } = kafka();
  const script = join(import.meta.dirname, 'serve-log-child.ts');
  const args = [script, folder, brokers.join(','), registryUrl, String(first), String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors, lines] = ['', '', 0];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    lines += text.split('\n').length - 1;
  });
  const exited = once(child, 'close');
  return {
    exited,
    errors: () => errors,
    /** A line that was cut off was never read by anybody. */
    lines: () => output.split('\n').slice(0, -1),
    async killAfter(atLine: number, ms: number) {
      const ended = exited.then(() => true);
      await until('the child to answer', 60_000, async () => {
        return lines >= atLine || (await Promise.race([ended, delay(0, false)]));
      });
      await delay(ms);
      child.kill('SIGKILL');
    },
  };
}

/** Rows that are not what the child appended. */
function wrongRows(): Promise<unknown[]> {
  return env.db.query(
    `SELECT request_id FROM recommendation_logs WHERE properties ? 'n'
      AND (user_id, surface_version, experiment, arm, first_position, steps)
       IS DISTINCT FROM ('user-' || (properties->>'n')::int % 1000, 'b7c2f1a09d34', 'rank-blend',
         CASE (properties->>'n')::int % 2 WHEN 0 THEN 'a' ELSE 'b' END, 1, '{cache:used}'::text[])
       OR (properties ? 'n' AND NOT cardinality(movie_ids) = 20 AND cardinality(reasons) = 20
         AND cardinality(scores) = 20)`,
  );
}

describe('servers away', () => {
  it('while Kafka is down lists are kept, and sent when it is back, also by a next process', async () => {
    const folder = spoolFolder();
    const first = await open(folder);
    const before = fullServe(1);
    await first.serveLog.append(before);
    await allSent(first.serveLog);
    await env.stack.kill('kafka', 'SIGKILL');
    const ids = [idOf(before)];
    const appendSome = async (serveLog: ServeLog) => {
      for (let n = 0; n < 300; n += 1) {
        const made = fullServe(n);
        ids.push(idOf(made));
        await serveLog.append(made);
      }
    };
    await appendSome(first.serveLog);
    expect(first.serveLog.counts()).toMatchObject({ waitingRecords: 300, lost: 0 });
    await first.serveLog.close({ timeoutMs: 100 });
    const second = await open(folder);
    expect(second.serveLog.counts()).toMatchObject({ recovered: 300, waitingRecords: 300 });
    await appendSome(second.serveLog);
    expect(second.serveLog.counts().oldestWaitingMs).toBeGreaterThan(0);
    await env.stack.start('kafka');
    await allSent(second.serveLog);
    expect(second.serveLog.counts()).toMatchObject({ acknowledged: 600, lost: 0 });
    await second.serveLog.close();
    expect(await rowsOf(ids)).toBe(601);
    expect(second.log.said.some(({ event }) => event === 'serve_log_retrying')).toBe(true);
  });

  it('a spool that is full loses what does not fit, says so, and takes more when there is room', async () => {
    const { serveLog, log } = await open(spoolFolder(), 64 * 1024);
    await env.stack.kill('kafka', 'SIGKILL');
    const made = Array.from({ length: 500 }, (_, n) => fullServe(n));
    for (const one of made) await serveLog.append(one);
    const full = serveLog.counts();
    expect(full.lost).toBe(500 - full.appended);
    expect(full.lostBy.full).toBe(full.lost);
    expect(full.appended).toBeGreaterThan(50);
    expect(full.waitingBytes).toBeLessThanOrEqual(64 * 1024);
    expect(log.said.some(({ event }) => event === 'serve_log_lost')).toBe(true);
    await env.stack.start('kafka');
    await allSent(serveLog);
    const after = fullServe(1);
    await serveLog.append(after);
    await serveLog.close();
    expect(serveLog.counts()).toMatchObject({ waitingRecords: 0, lost: full.lost });
    expect(await rowsOf([...made, after].map(idOf))).toBe(full.appended + 1);
  });
});

describe('what is sent', () => {
  it('from disk is in order and whole, though it is more than memory may hold', async () => {
    const folder = spoolFolder();
    const first = await open(folder);
    await env.stack.kill('kafka', 'SIGSTOP');
    const made = Array.from({ length: 20_000 }, (_, n) => ({ ...fullServe(n), user_id: 'order' }));
    for (let n = 0; n < made.length; n += 50)
      await Promise.all(made.slice(n, n + 50).map((one) => first.serveLog.append(one)));
    expect(first.serveLog.counts().waitingBytes).toBeGreaterThan(10e6);
    await env.stack.kill('kafka', 'SIGCONT');
    await allSent(first.serveLog);
    await first.serveLog.close();
    expect(first.serveLog.counts()).toMatchObject({ acknowledged: 20_000, lost: 0 });
    expect(await rowsOf(made.map(idOf))).toBe(20_000);
    const rows = await env.db.query<{ id: string }>(
      `SELECT request_id::text AS id FROM recommendation_logs WHERE user_id = 'order'
       ORDER BY kafka_partition, kafka_offset`,
    );
    expect(rows.map(({ id }) => id)).toEqual(made.map(idOf));
  });

  it('is all of it, though the publisher takes only some at a time', async () => {
    const few = { ...kafka(), maxBufferedEvents: 20 };
    const log = memoryLog();
    const serveLog = await createServeLog({ folder: spoolFolder(), log, kafka: few });
    const made = Array.from({ length: 120 }, (_, n) => fullServe(n));
    await Promise.all(made.map((one) => serveLog.append(one)));
    await allSent(serveLog);
    await serveLog.close();
    expect(serveLog.counts()).toMatchObject({ acknowledged: 120, lost: 0 });
    expect(await rowsOf(made.map(idOf))).toBe(120);
  });

  it('for somebody unknown is keyed by the request, and a version-1 producer goes on', async () => {
    const { serveLog } = await open(spoolFolder());
    const unknown = serve({ user_id: null, steps: ['popular:used'], propensities: [1, 0.5, 0.25] });
    await serveLog.append(unknown);
    await serveLog.close();
    const at = Date.now();
    const old = { ...serve({ served_at: at, user_id: 'old' }), request_id: uuidv7(at) };
    const text = AVRO_SCHEMAS['recommendation-serves.v1'][1];
    const registry = createRegistryClient({ url: env.config.registry.url });
    const id = (await registry.findId('recommendation-serves.v1-value', text)) ?? -1;
    const type = parseAvro(text);
    await env.send('recommendation-serves.v1', [{ key: 'old', value: encodeWire(id, type, old) }]);
    const producer = createProducer({ app: 'test', drainOnSigterm: false, ...kafka() });
    const sent = producer.serve({
      userId: null,
      movieIds: [7],
      source: 'batch',
      algorithm: 'als',
      reasons: ['pinned'],
    });
    await producer.close();
    expect(await rowsOf([idOf(unknown), idOf(old), sent.requestId])).toBe(3);
    const rows = await env.admin.query(
      `SELECT user_id, reasons, propensities, steps, first_position, surface_version FROM marquee.serves
       WHERE request_id = ANY($1::uuid[]) ORDER BY user_id NULLS FIRST, cardinality(steps) DESC`,
      [[idOf(unknown), idOf(old), sent.requestId]],
    );
    const plain = { propensities: [], steps: [], first_position: 1, surface_version: null };
    expect(rows).toEqual([
      {
        ...plain,
        user_id: null,
        reasons: [],
        propensities: [1, 0.5, 0.25],
        steps: ['popular:used'],
      },
      { ...plain, user_id: null, reasons: ['pinned'] },
      { ...plain, user_id: 'old', reasons: [] },
    ]);
    expect(await env.db.query(`SELECT reason, detail FROM dead_letters`)).toEqual([]);
  });
});
