import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { MINUTE_MS } from '../../../common/time.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { readExamples } from '../../../schemas/examples.ts';
import type { Example } from '../../../schemas/examples.ts';
import { cliEnvironment } from '../../support/cli.ts';
import { createProcesses } from '../../support/processes.ts';
import type { Processes } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { startStack } from '../../support/stack.ts';
import type { TestStack } from '../../support/stack.ts';

/**
 * Follows docs/add-a-processor.md in a copy of the repository: what it says is enough, and what it
 * counts is so.
 */
const page = readFileSync(join(repositoryRoot, 'docs/add-a-processor.md'), 'utf8');
const fixtures = join(import.meta.dirname, 'add-a-processor');
const LINES_MAX = 200;

let copy: string;
let env: Record<string, string>;
/** Starts while the copy is looked at. */
let starting: Promise<TestStack>;

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'marquee-add-a-processor-'));
  for (const file of await filesOf(repositoryRoot)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(repositoryRoot, file), join(copy, file));
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(copy, 'node_modules'));
  env = cliEnvironment(join(copy, '.marquee'), sharedStack().config.cache);
  starting = startStack({ services: ['kafka', 'registry', 'postgres'] });
  starting.catch(() => undefined);
});

afterAll(async () => {
  const stack = await starting;
  await stack.stop();
  rmSync(copy, { recursive: true });
});

/** What git knows or would know, less what is deleted. */
async function filesOf(root: string): Promise<string[]> {
  const args = ['ls-files', '-z', '-co', '--exclude-standard'];
  const { stdout } = await promisify(execFile)('git', args, { cwd: root, maxBuffer: 1 << 24 });
  return stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
}

/** Runs a command of the page, as it stands there, in the copy. */
async function follow(command: string): Promise<string> {
  expect(page).toContain(`    ${command}\n`);
  return run(command);
}

async function run(command: string): Promise<string> {
  const [tool = '', ...args] = command.replace(/^\.\/marquee/, 'node cli/main.ts').split(' ');
  const path = [join(copy, 'node_modules/.bin'), env['PATH']].join(delimiter);
  const [file = '', ...rest] = tool === 'npx' ? args : [tool, ...args];
  const options = { cwd: copy, env: { ...env, PATH: path, NO_COLOR: '1' }, maxBuffer: 1 << 24 };
  try {
    return (await promisify(execFile)(file, rest, options)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command}\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error });
  }
}

/** Puts the example's files there and its two lines into the index; returns what was written. */
function add(name: string): { readonly files: string[]; readonly lines: number } {
  const from = join(fixtures, name);
  const files = readdirSync(from, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(from.length + 1));
  const number = readdirSync(join(copy, 'sql/migrations')).length + 1;
  let lines = 0;
  for (const file of files) {
    // Examples go by their folder.
    expect(page).toContain(`    ${file.endsWith('.json') ? dirname(file) : file}`);
    const to = join(copy, file.replace('NNNN', String(number).padStart(4, '0')));
    expect(existsSync(to), to).toBe(false);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(from, file), to);
    lines += readFileSync(to, 'utf8').trimEnd().split('\n').length;
  }
  const [, importLine = '', line = ''] =
    new RegExp(`^ *(import .* from './${name}/processor\\.ts';)\n *('?${name}'?: .*,)$`, 'm').exec(
      page,
    ) ?? [];
  const index = join(copy, 'streams/index.ts');
  const before = readFileSync(index, 'utf8');
  const after = before.replace(/^\n/m, `${importLine}\n\n`).replace(/^\};/m, `  ${line}\n};`);
  writeFileSync(index, after);
  return { files, lines: lines + after.split('\n').length - before.split('\n').length };
}

/** Files of the repository that differ in the copy, and files that the copy alone has. */
async function changes(): Promise<{ readonly changed: string[]; readonly added: string[] }> {
  const known = new Set(await filesOf(repositoryRoot));
  const read = (root: string, file: string) => readFileSync(join(root, file));
  const there = readdirSync(copy, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name).slice(copy.length + 1));
  return {
    changed: there
      .filter((file) => known.has(file) && !read(copy, file).equals(read(repositoryRoot, file)))
      .sort(),
    added: there.filter((file) => !known.has(file)).sort(),
  };
}

const isGenerated = (file: string) =>
  file.startsWith('schemas/generated/') || file.endsWith('.snap');

/** Sends the topic's good examples in that copy, at that time; returns how many. */
async function sendExamples(topic: string, ms: number): Promise<number> {
  return Number(await run(`node tests/support/send-examples-child.ts ${topic} ${ms}`));
}

it('is one folder and one file changed, in 200 lines at most', async () => {
  const plays = add('movie-plays');
  expect((await changes()).changed).toEqual(['streams/index.ts']);
  const errors = add('playback-errors');
  await follow('node schemas/codegen.ts');
  await Promise.all([
    follow('npx tsc -p .'),
    follow('npx depcruise --config .dependency-cruiser.cjs schemas streams').then(() =>
      follow('./marquee test unit --files tests/unit/streams tests/unit/schemas/validation'),
    ),
  ]);

  const { changed, added } = await changes();
  expect(changed.filter((file) => !isGenerated(file))).toEqual(['streams/index.ts']);
  expect(changed.filter((file) => file.endsWith('.snap'))).toEqual([]);
  expect(added.filter(isGenerated)).toEqual([
    'tests/unit/streams/examples/movie-plays.snap',
    'tests/unit/streams/examples/playback-errors.snap',
  ]);
  expect(added).toHaveLength(plays.files.length + errors.files.length + 2);
  for (const { lines } of [plays, errors]) expect(lines).toBeLessThanOrEqual(LINES_MAX);
  expect(page.replaceAll(/\s+/g, ' ')).toContain(
    `${plays.lines - 2} and ${errors.lines - 2} lines, and two in the index`,
  );
  process.stdout.write(
    `movie-plays: ${plays.files.length} files, ${plays.lines} lines; ` +
      `playback-errors: ${errors.files.length} files, ${errors.lines} lines; ` +
      `changed: ${changed.join(', ')}; made: ${added.filter(isGenerated).join(', ')}\n`,
  );
});

/** What movie-plays makes of these examples, sent at that time: its rows, and events counted. */
function playsOf(examples: readonly Example<'user-actions.v1'>[], ms: number) {
  const rows = new Map<
    string,
    { movie_id: number; day: string; plays: number; completes: number }
  >();
  let played = 0;
  for (const [n, { value }] of examples.entries()) {
    if (value?.action !== 'play' && value?.action !== 'complete') continue;
    const day = new Date(ms + n).toISOString().slice(0, 10);
    const movie_id = value.movie_id ?? 0;
    const row = rows.get(`${day} ${movie_id}`) ?? { movie_id, day, plays: 0, completes: 0 };
    rows.set(`${day} ${movie_id}`, row);
    row[value.action === 'play' ? 'plays' : 'completes']++;
    played++;
  }
  const plays = [...rows.values()].sort(
    (a, b) => Date.parse(a.day) - Date.parse(b.day) || a.movie_id - b.movie_id,
  );
  return { plays, played };
}

describe('on real servers', () => {
  let processes: Processes;
  let db: Session;
  beforeAll(async () => {
    const stack = await starting;
    env = cliEnvironment(stack.home, stack.config.cache);
    processes = createProcesses(env);
    db = await openSession({ url: stack.adminUrl, applicationName: 'test', searchPath: 'marquee' });
  });
  afterAll(async () => {
    await processes.killAll();
    await db.close();
  });

  /** Waits until the processor has accounted for so many records, and says what became of them. */
  async function accounts(processor: string, records: number) {
    return until(`${processor} to account for ${records} records`, MINUTE_MS, async () => {
      const [sums] = await db.query<{ ok: number; resent: number; skipped: number; all: number }>(
        `SELECT sum(ok_count)::int AS ok, sum(duplicate_count)::int AS resent,
         sum(skipped_count)::int AS skipped, sum(ok_count + duplicate_count + too_late_count +
           skipped_count + dead_count)::int AS all
       FROM stream_ledger WHERE processor = $1`,
        [processor],
      );
      if (sums?.all !== records) return null;
      return { ok: sums.ok, resent: sums.resent, skipped: sums.skipped };
    });
  }

  it('runs, applies each event once, and is known to the commands', async () => {
    await Promise.all([
      follow('./marquee topics apply'),
      follow('./marquee schema push'),
      follow('./marquee migrate'),
    ]);
    const names = ['movie-plays', 'playback-errors'];
    for (const name of names) expect(page).toContain(`./marquee run ${name}\n`);
    const running = processes.start({ processors: names, root: copy });
    const ms = Date.now() - MINUTE_MS;

    const actions = (await readExamples('user-actions.v1')).filter((e) => e.outcome === 'ok');
    const { plays, played } = playsOf(actions, ms);
    const tables = async () => ({
      plays: await db.query(
        'SELECT movie_id, day::text, plays, completes FROM movie_plays ORDER BY day, movie_id',
      ),
      errors: await db.query(
        'SELECT movie_id, code, bitrate, app FROM playback_errors ORDER BY event_id',
      ),
    });

    for (const round of [1, 2]) {
      const sent = await sendExamples('user-actions.v1', ms);
      const errors = await sendExamples('playback-errors.v1', ms);
      expect([sent, errors]).toEqual([actions.length, 3]);
      expect(await accounts('movie-plays', round * sent)).toEqual({
        ok: played,
        resent: (round - 1) * played,
        skipped: round * (sent - played),
      });
      const resent = (round - 1) * errors;
      expect(await accounts('playback-errors', round * errors)).toEqual({
        ok: 3,
        resent,
        skipped: 0,
      });
      expect(await tables()).toEqual({
        plays,
        errors: [
          { movie_id: 296, code: 'network', bitrate: null, app: 'tv' },
          { movie_id: 296, code: 'network', bitrate: 4800, app: 'tv' },
          { movie_id: 296, code: 'decoder', bitrate: 900, app: 'phone' },
        ],
      });
    }

    const [tail, retention, config] = await Promise.all([
      run('./marquee events tail --user u-1729 --limit 100'),
      run('./marquee retention --dry-run'),
      run('./marquee config'),
    ]);
    expect(tail).toContain('movie-plays: applied');
    expect(tail).toContain('movie-plays: skipped (is no play)');
    expect(retention).toMatch(/^movie_plays_event_ids: /m);
    expect(config).toContain('MARQUEE_RETENTION_MOVIE_PLAYS_IDS_HOURS');
    await running.stop();
  });
});
