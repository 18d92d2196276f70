import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installOnce, type InstallContext } from '../../../../../cli/stack/install/install-once.ts';
import { silentProgress } from '../../../../../cli/terminal/progress.ts';
import { runLogged } from '../../../../../cli/stack/host/run-logged.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-install-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const spec = (script: string) => ({
  step: 'download of things',
  command: '/bin/sh',
  args: ['-c', script],
  logFile: join(folder, 'logs', 'x.log'),
  remedy: 'mend it.',
});

describe('runLogged', () => {
  it('names step, last lines, log and remedy of what failed', async () => {
    const failing = runLogged(spec('echo first; echo last >&2; exit 3'));
    await expect(failing).rejects.toMatchObject({
      code: 'MARQUEE_SETUP_FAILED',
      retriable: true,
      message: expect.stringMatching(
        /download of things failed \(.*exit 3\)[^]*last[^]*Log: .*x\.log\nTo do: mend it\./,
      ) as string,
    });
  });

  it('says that a program is not installed', async () => {
    const missing = runLogged({ ...spec(''), command: join(folder, 'nothing') });
    await expect(missing).rejects.toMatchObject({
      retriable: false,
      message: expect.stringContaining('not installed') as string,
    });
  });

  it('feeds its input, and keeps it out of the log', async () => {
    await runLogged({ ...spec('read word; [ "$word" = secret ]'), input: 'secret\n' });
    expect(readFileSync(join(folder, 'logs', 'x.log'), 'utf8')).not.toContain('secret\n');
  });
});

describe('installOnce', () => {
  const context = (): InstallContext => ({
    home: folder,
    cache: folder,
    objectStore: 'auto',
    note: () => undefined,
    step: silentProgress.step('x'),
  });

  it('builds one time for callers at the same time', async () => {
    let builds = 0;
    const build = async (part: string): Promise<void> => {
      builds += 1;
      await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(join(part, 'program'), 'x');
    };
    const paths = await Promise.all([1, 2, 3].map(() => installOnce(context(), 'thing-1', build)));
    expect(builds).toBe(1);
    expect(new Set(paths)).toEqual(new Set([join(folder, 'thing-1')]));
    expect(existsSync(join(folder, 'thing-1', 'program'))).toBe(true);
  });

  it('leaves nothing under its name after a failure, and clears what a killed one left', async () => {
    mkdirSync(join(folder, 'thing-1.part-999'));
    const failing = installOnce(context(), 'thing-1', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(existsSync(join(folder, 'thing-1'))).toBe(false);
    await installOnce(context(), 'thing-1', () => Promise.resolve());
    expect(existsSync(join(folder, 'thing-1'))).toBe(true);
    expect(existsSync(join(folder, 'thing-1.part-999'))).toBe(false);
  });
});
