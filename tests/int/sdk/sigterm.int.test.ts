import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';
import { readTopic } from './read-topic.ts';

const { config } = sharedStack();

async function terminate(mode: string): Promise<{ exit: unknown[]; arrived: string[] }> {
  const app = `sigterm-${randomUUID().slice(0, 8)}`;
  const script = join(import.meta.dirname, 'sigterm-child.ts');
  const args = [script, config.kafka.brokers.join(','), config.registry.url, app, mode];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const exit = await exited;
  const records = await readTopic(config.kafka.brokers, 'user-actions.v1');
  const keys = records.map(({ key }) => String(key));
  return { exit, arrived: keys.filter((key) => key.startsWith(app)) };
}

describe('SIGTERM', () => {
  it('sends what is buffered, and then ends the process as it would have ended', async () => {
    const { exit, arrived } = await terminate('none');
    expect(exit).toEqual([null, 'SIGTERM']);
    expect(new Set(arrived).size).toBe(1_000);
    expect(arrived).toHaveLength(1_000);
  });

  it('leaves the end to an application that handles the signal itself', async () => {
    const { exit, arrived } = await terminate('own-handler');
    expect(exit).toEqual([7, null]);
    expect(arrived).toHaveLength(1_001);
  });
});
