import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  descendants,
  isRunning,
  launch,
  processToken,
  runningRecord,
  stopProcess,
  type ProcessRecord,
} from '../../../../../cli/stack/host/process.ts';

let folder: string;
let recordFile: string;
let logFile: string;
let started: ProcessRecord[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-process-'));
  recordFile = join(folder, 'run', 'x.json');
  logFile = join(folder, 'logs', 'x.log');
  started = [];
});
afterEach(async () => {
  for (const record of started) await stopProcess(record, 'SIGKILL', 5000);
  rmSync(folder, { recursive: true });
});

/** Runs a script and waits until its log has the word `ready`. */
async function shell(script: string): Promise<ProcessRecord> {
  const record = launch({ command: '/bin/sh', args: ['-c', script] }, recordFile, logFile);
  started.push(record);
  await expect.poll(() => readFileSync(logFile, 'utf8'), { interval: 5 }).toContain('ready');
  return record;
}

describe('launch and stopProcess', () => {
  it('keeps a record that later commands find, until the process is stopped', async () => {
    const record = await shell('echo ready; exec sleep 100');
    expect(runningRecord(recordFile)).toEqual(record);
    expect(await stopProcess(record, 'SIGTERM', 5000)).toBe(true);
    expect(runningRecord(recordFile)).toBeNull();
    expect(existsSync(recordFile)).toBe(false);
  });

  it('kills what ignores its signal, with all its children', async () => {
    const record = await shell("trap '' TERM; sleep 100 & echo ready; while :; do wait; done");
    const children = descendants(record.pid);
    expect(children).toHaveLength(1);
    expect(await stopProcess(record, 'SIGTERM', 50)).toBe(false);
    expect(isRunning(record)).toBe(false);
    expect(processToken(children[0] ?? 0)).toBeNull();
  });

  it('leaves none of a family that goes on starting children', async () => {
    const record = await shell('echo ready; while :; do sleep 0.01 & sleep 0.01; done');
    await stopProcess(record, 'SIGKILL', 0); // whether within no time at all is a matter of luck
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-g', String(record.pid)], {
      encoding: 'utf8',
    });
    const living = stdout.split('\n').filter((state) => state !== '' && !state.startsWith('Z'));
    expect(living).toEqual([]);
  });

  it('waits until the pid is free, when its parent is slow to take note of the end', async () => {
    // The shell becomes a program that asks after no child; the child's pid stands until it ends.
    const parent = await shell('sleep 100 & echo $! ready; exec sleep 1');
    const pid = Number.parseInt(readFileSync(logFile, 'utf8'), 10);
    const child = { pid, token: processToken(pid) ?? '', command: 'sleep' };
    expect(await stopProcess(child, 'SIGKILL', 5000)).toBe(true);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(isRunning(parent)).toBe(false);
  });

  it('never signals another process that was given the pid', async () => {
    const record = await shell('echo ready; exec sleep 100');
    const stale = { ...record, token: 'an earlier one' };
    writeFileSync(recordFile, JSON.stringify(stale));
    expect(runningRecord(recordFile)).toBeNull();
    await stopProcess(stale, 'SIGKILL', 1000);
    expect(isRunning(record)).toBe(true);
  });

  it('throws when the program is not there', () => {
    const spec = { command: join(folder, 'nothing'), args: [] };
    expect(() => launch(spec, recordFile, logFile)).toThrow(/Cannot run .*nothing/);
  });
});
