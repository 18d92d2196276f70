import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { median } from './rate.ts';
import type { ReportFrame } from './run.ts';

export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Median (least to most). */
export const spread = (values: readonly number[], show: (value: number) => string): string =>
  values.length === 1
    ? show(median(values))
    : `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}

export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return row(head) + row(head.map(() => '---')) + rows.map(row).join('');
}

/** Title, command and machine; `settings` are the servers'. */
export function head(
  title: string,
  { command, startedAt }: ReportFrame,
  settings: readonly (readonly [string, string])[],
): string {
  const started = startedAt.toISOString();
  return [
    `# ${title}, ${started.slice(0, 10)}\n`,
    `\`${command}\`, started ${started}\n`,
    machineTable(settings),
  ].join('\n');
}

/** What the figures were measured on. */
function machineTable(settings: readonly (readonly [string, string])[]): string {
  const [cpu] = cpus();
  const version = (command: string, args: string[], line: number): string => {
    try {
      return execFileSync(command, args, { encoding: 'utf8' }).split('\n')[line]?.trim() ?? '';
    } catch {
      return 'unknown';
    }
  };
  const facts: (readonly [string, string])[] = [
    ['processor', `${String(cpus().length)} cores, ${cpu?.model ?? 'unknown'}`],
    ['memory', `${whole(totalmem() / 2 ** 30)} GiB`],
    ['system', `Linux ${release()}, ${distribution()}`],
    ['Node', process.version],
    ['Python', version('python3', ['--version'], 0)],
    ...settings,
  ];
  return markdownTable(['machine', ''], facts);
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

/** A target says what its figure was wanted to be. */
export interface Target {
  readonly name: string;
  readonly measured: number;
  readonly wanted: 'at least' | 'at most';
  readonly bound: number;
  show(value: number): string;
}

export function targetTable(targets: readonly Target[]): string {
  return markdownTable(
    ['target', 'wanted', 'measured', ''],
    targets.map(({ name, measured, wanted, bound, show }) => {
      const goal = `${wanted === 'at least' ? '>=' : '<='} ${show(bound)}`;
      if (!Number.isFinite(measured)) return [name, goal, 'not measured', ''];
      const met = wanted === 'at least' ? measured >= bound : measured <= bound;
      const off = `missed by ${(Math.abs(measured / bound - 1) * 100).toFixed(0)} %`;
      return [name, goal, show(measured), met ? 'met' : off];
    }),
  );
}

export function findingList(findings: readonly string[], whenNone: string): string {
  return findings.length === 0 ? whenNone : findings.map((finding) => `- ${finding}\n`).join('');
}

/** Above this, a run says as much about its neighbours as about itself. */
const OTHER_CORES_MAX = 0.3;

/** Says how many of the runs were disturbed; empty when none was. */
export function noise(runs: readonly { readonly cpu: { readonly otherCores: number } }[]): string {
  const disturbed = runs.filter(({ cpu }) => cpu.otherCores > OTHER_CORES_MAX).length;
  return disturbed === 0
    ? ''
    : `**${disturbed} of ${runs.length} runs shared the machine with other work ` +
        `(more than ${OTHER_CORES_MAX} cores of it): rates are too low, CPU seconds hold better.**\n`;
}

/** Of runs of the same round, so that a slow moment of the machine weighs on both. */
export function roundRatios<T extends { readonly system: string; readonly round: number }>(
  runs: readonly T[],
  over: string,
  under: string,
  figure: (run: T) => number,
): number[] {
  return runs.flatMap((run) => {
    if (run.system !== over) return [];
    const other = runs.find(({ system, round }) => system === under && round === run.round);
    return other === undefined ? [] : [figure(run) / figure(other)];
  });
}
