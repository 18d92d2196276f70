import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../../../../cli/stack/host/lock.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-lock-'));
  file = join(folder, 'x.lock');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('withLock', () => {
  it('lets one in at a time, and says once that somebody waits', async () => {
    let inside = 0;
    let most = 0;
    let waits = 0;
    const body = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(
      [1, 2, 3].map(() =>
        withLock(file, body, () => {
          waits += 1;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(waits).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is free again after a failure, which it passes on', async () => {
    await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(file)).toBe(false);
  });

  it('takes over from a process that is gone, also when its pid lives on as another', async () => {
    const gone = spawnSync('true').pid;
    writeFileSync(file, JSON.stringify({ pid: gone, token: 'x', command: 'a' }));
    expect(await withLock(file, () => Promise.resolve(1))).toBe(1);
    writeFileSync(file, JSON.stringify({ pid: process.pid, token: 'older', command: 'b' }));
    expect(await withLock(file, () => Promise.resolve(2))).toBe(2);
  });
});
