import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cliEnvironment, runCli } from '../../../support/cli.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'marquee-surfaces-cli-'));
});
afterAll(() => {
  rmSync(home, { recursive: true });
});

const surfaces = (...args: string[]) => runCli(['surfaces', ...args], cliEnvironment(home, home));

it('check tells the faults as lines of their own, and fails', async () => {
  const file = join(home, 'bad.yaml');
  writeFileSync(file, 'surfaces:\n  home: {limt: 3}\n  mail: {seen: often}\n');
  expect(await surfaces('check', file)).toEqual({
    code: 1,
    stdout: '',
    stderr:
      `${file}:2: surfaces.home.limt: is not known here; did you mean limit?\n` +
      `${file}:3: surfaces.mail.seen: is "often"; expected one of hide, demote, show\n`,
  });
});

it('check takes the file of the home, or says that what is built in holds', async () => {
  const builtIn = await surfaces('check');
  expect(builtIn.stdout).toContain('what is built in holds; surfaces home, detail');
  writeFileSync(join(home, 'surfaces.yaml'), 'surfaces: {home: {limit: 3}}\n');
  const own = await surfaces('check');
  expect(own.stdout).toContain('surfaces.yaml is good; surfaces home, by default home');
  expect([builtIn.code, own.code]).toEqual([0, 0]);
});

it('show gives one surface as JSON, and names those that there are', async () => {
  writeFileSync(join(home, 'surfaces.yaml'), 'surfaces: {home: {limit: 3, blocked: [5]}}\n');
  const { stdout } = await surfaces('show', 'home', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ name: 'home', limit: 3, blocked: [5] });
  const unknown = await surfaces('show', 'hom');
  expect(unknown.stderr).toContain('MARQUEE_SURFACE_UNKNOWN: There is no surface hom');
  expect(unknown.code).toBe(1);
});
