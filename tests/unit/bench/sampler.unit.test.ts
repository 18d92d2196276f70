import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { costsBetween, startSampler } from '../../bench/runner/sampler.ts';

/** Works for 0.4 CPU seconds, says what it took, and ends when its input does. */
const WORKER = `
  while (process.cpuUsage().user + process.cpuUsage().system < 400000);
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1e6);
  process.stdin.resume();
`;

test('a client that ended between two samples keeps what it took', async () => {
  const worker = spawn(process.execPath, ['-e', WORKER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const sampler = startSampler({ client: [worker.pid ?? 0], postgres: 0, broker: 0 });
  const [said] = (await once(worker.stdout, 'data')) as [Buffer];
  worker.stdin.end();
  await once(worker, 'close');
  sampler.stop();
  const took = Number(said.toString());
  const last = sampler.samples.at(-1);
  expect(took).toBeGreaterThanOrEqual(0.4);
  expect(last?.client).toBeGreaterThanOrEqual(took - 0.05);
  // Whatever moment is asked for, time does not run backwards.
  const { atMs = NaN } = last ?? {};
  for (let ms = 0; ms < 300; ms += 20) {
    const { client } = costsBetween(sampler.samples, atMs - ms - 20, atMs - ms, 1e6);
    expect(client).toBeGreaterThanOrEqual(0);
  }
});
