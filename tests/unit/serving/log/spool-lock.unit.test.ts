import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockSpool } from '../../../../serving/log/spool-lock.ts';
import { spoolFolder } from '../../../support/serving/spool.ts';

const IN_USE = expect.objectContaining({ code: 'MARQUEE_SPOOL_IN_USE' }) as Error;

it('belongs to one at a time, also within a process', () => {
  const folder = spoolFolder();
  const unlock = lockSpool(folder);
  expect(() => lockSpool(folder)).toThrow(IN_USE);
  expect(() => lockSpool(folder)).toThrow(new RegExp(`process ${process.pid},`));
  unlock();
  lockSpool(folder)();
  expect(readdirSync(folder)).toEqual([]);
});

it('is taken over from a process that is gone', () => {
  const folder = spoolFolder();
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(folder, 'lock'), `${pid} 1 ${bootOf(folder)}\n`);
  lockSpool(folder);
  expect(readdirSync(folder)).toEqual(['lock']);
  expect(readFileSync(join(folder, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
});

it.each([
  ['another has its pid now', (lock: string) => lock.replace(/^(\d+) \S+/, '$1 7')],
  ['the machine was started anew', (lock: string) => lock.replace(/\S+\n$/, 'another-boot\n')],
  ['nobody knows whose it was', () => 'x'],
  ['it is empty', () => ''],
])('is taken over where %s', (_, change) => {
  const folder = spoolFolder();
  lockSpool(folder);
  const path = join(folder, 'lock');
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  lockSpool(folder);
  expect(() => lockSpool(folder)).toThrow(IN_USE);
});

it('is not given back by one who lost it', () => {
  const folder = spoolFolder();
  const unlock = lockSpool(folder);
  writeFileSync(join(folder, 'lock'), '1 1 another');
  unlock();
  expect(readdirSync(folder)).toEqual(['lock']);
});

/** The boot's name as a lock has it. */
function bootOf(folder: string): string {
  const unlock = lockSpool(folder);
  const [, , boot] = readFileSync(join(folder, 'lock'), 'utf8').trim().split(' ');
  unlock();
  return boot ?? '';
}
