import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..', '..', '..');
let folder: string;

/** A stand-in program that writes its arguments into calls.log and then does `body`. */
function program(path: string, body: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "$(basename "$0") $*" >>"${folder}/calls.log"\n${body}\n`);
  chmodSync(path, 0o755);
}

/** A node that has the version, finds node_modules as `installed` says, and echoes main.ts. */
function nodeBody(version: string, installed: boolean, exitCode = 0): string {
  return `case "$1" in
    -v) echo v${version} ;;
    */installed-packages.mjs) exit ${installed ? '0' : '1'} ;;
    *) echo "ran $* with $NODE_OPTIONS"; exit ${exitCode} ;;
  esac`;
}

function run(...args: string[]) {
  return spawnSync(join(folder, 'clone', 'marquee'), args, {
    encoding: 'utf8',
    env: { PATH: `${folder}/bin:/usr/bin:/bin`, HOME: folder, MARQUEE_CACHE: `${folder}/cache` },
  });
}

const calls = (): string[] =>
  existsSync(join(folder, 'calls.log'))
    ? readFileSync(join(folder, 'calls.log'), 'utf8').trim().split('\n')
    : [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-wrapper-'));
  mkdirSync(join(folder, 'clone', 'node_modules'), { recursive: true });
  for (const file of ['marquee', 'package.json', 'package-lock.json']) {
    cpSync(join(repository, file), join(folder, 'clone', file));
  }
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the wrapper', () => {
  it('uses a Node of the PATH that is new enough, and passes arguments and exit code on', () => {
    program(join(folder, 'bin/node'), nodeBody('22.22.0', true, 7));
    run();
    const { status, stdout } = run('run', 'a b', '--x');
    expect(status).toBe(7);
    expect(stdout).toMatch(/cli\/main\.ts run a b --x/);
    expect(calls().some((call) => call.startsWith('npm'))).toBe(false);
  });

  it('gives the archive a larger young generation than the others', () => {
    program(join(folder, 'bin/node'), nodeBody('22.22.0', true));
    run();
    expect(run('run').stdout).toMatch(/main\.ts run with --max-semi-space-size=8$/m);
    expect(run('archive', 'run').stdout).toMatch(/archive run with --max-semi-space-size=32$/m);
  });

  it('fetches a pinned Node when the one of the PATH is too old, once', () => {
    program(join(folder, 'bin/node'), nodeBody('22.21.9', true));
    program(
      join(folder, 'bin/npm'),
      `[ "$1" = install ] || exit 0
      for word; do package=$word; done
      bin="$3/node_modules/\${package%@*}/bin"
      mkdir -p "$bin"
      cat >"$bin/node" <<'NODE'
#!/bin/sh
${nodeBody('24.21.0', true)}
NODE
      chmod +x "$bin/node"`,
    );
    const first = run('status');
    expect(first.stderr).toMatch(/fetching Node 24.*the one on the PATH is v22\.21\.9/);
    expect(first.stdout).toMatch(/main\.ts status/);
    const second = run('status');
    expect(second.stderr).toBe('');
    expect(calls().filter((call) => call.startsWith('npm install'))).toHaveLength(1);
  });

  it('names what to install when there is neither Node nor npm', () => {
    const { status, stderr } = spawnSync('/bin/sh', [join(folder, 'clone', 'marquee'), 'up'], {
      encoding: 'utf8',
      env: { PATH: coreutilsOnly(), HOME: folder },
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/Node 22\.22 or newer is needed.*To do: install Node/);
  });

  it('installs the locked packages when they changed, without install scripts, and only then', () => {
    program(join(folder, 'bin/node'), nodeBody('24.0.0', false));
    program(join(folder, 'bin/npm'), 'mkdir -p node_modules');
    expect(run('status').stderr).toMatch(/installing the npm packages/);
    expect(run('status').stderr).toBe('');
    writeFileSync(join(folder, 'clone/package-lock.json'), '{}');
    expect(run('status').stderr).toMatch(/installing the npm packages/);
    const installs = calls().filter((call) => call.startsWith('npm'));
    expect(installs).toHaveLength(2);
    for (const call of installs) expect(call).toMatch(/^npm ci --ignore-scripts/);
  });

  it('shows the end of the log, its place and a remedy when the installation fails, and tries again', () => {
    program(join(folder, 'bin/node'), nodeBody('24.0.0', false));
    program(join(folder, 'bin/npm'), 'echo no network; exit 1');
    const { status, stderr, stdout } = run('status');
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/no network[^]*MARQUEE_SETUP_FAILED[^]*cache\/logs\/npm\.log.*To do/);
    program(join(folder, 'bin/npm'), 'mkdir -p node_modules');
    expect(run('status').stdout).toMatch(/main\.ts status/);
  });

  it('takes over the lock of an installation that was killed', () => {
    program(join(folder, 'bin/node'), nodeBody('24.0.0', false));
    program(join(folder, 'bin/npm'), 'mkdir -p node_modules');
    const dead = spawnSync('/bin/sh', ['-c', 'echo $$'], { encoding: 'utf8' }).stdout.trim();
    mkdirSync(join(folder, 'clone/.npm-install.lock'));
    writeFileSync(join(folder, 'clone/.npm-install.lock/pid'), dead);
    expect(run('status').stdout).toMatch(/main\.ts status/);
    expect(existsSync(join(folder, 'clone/.npm-install.lock'))).toBe(false);
  });
});

/** A PATH with the tools that every system has, and nothing of Node. */
function coreutilsOnly(): string {
  const bin = join(folder, 'coreutils');
  mkdirSync(bin);
  for (const name of ['cat', 'dirname', 'uname', 'mkdir', 'cksum']) {
    const found = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    writeFileSync(join(bin, name), `#!/bin/sh\nexec ${found.stdout.trim()} "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}
