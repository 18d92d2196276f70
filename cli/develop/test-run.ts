import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, readEnvironment } from '../config/config.ts';
import { installAddonStep } from '../stack/install/addon.ts';
import { serviceNames } from '../stack/services/service-names.ts';
import { print } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { createStack } from '../stack/stack.ts';
import { allOrErrors } from '../terminal/steps.ts';
import { runTool } from './tools.ts';

export type Suite = 'unit' | 'int' | 'faults';

export interface SuiteResult {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The command `marquee test`. Returns the exit code: 0 when some test ran and none failed. */
export async function runSuites(
  suites: readonly Suite[],
  files: readonly string[],
): Promise<number> {
  const results: SuiteResult[] = [];
  const run = async (name: Suite): Promise<void> => {
    results.push(await runSuite(name, files));
  };
  const onServers = suites.filter((name) => name !== 'unit');
  const unit = async (): Promise<void> => {
    if (suites.includes('unit')) await run('unit');
  };
  if (onServers.length === 0) await unit();
  else
    await withPrograms(unit, async () => {
      // One after the other: fault tests measure times on a machine that is theirs.
      for (const name of onServers) await run(name);
    });
  const { line, ok } = summaryOf(results);
  print(`\n${line}`);
  return ok ? 0 : 1;
}

/**
 * Gets the servers' programs side by side with `meanwhile`, then runs `body`. MinIO's build is not
 * waited for: the test that needs it waits for it, and so does the end.
 */
async function withPrograms(
  meanwhile: () => Promise<void>,
  body: () => Promise<void>,
): Promise<void> {
  const { cache, stack: asked } = loadConfig();
  const home = mkdtempSync(join(tmpdir(), 'marquee-install-'));
  const progress = createProgress(process.stderr);
  const { javaHome, objectStore } = asked;
  const stack = createStack({ home, cache, javaHome, objectStore, ports: 'free', progress });
  try {
    const quick = serviceNames.filter((name) => name !== 'object-store');
    // The compiler and Go would only slow each other down: one after the other.
    const addon = installAddonStep({ home, cache }, progress);
    const store = addon.then(() => stack.install(['object-store']));
    store.catch(() => undefined);
    await allOrErrors([meanwhile(), stack.install(quick), addon]);
    progress.close();
    await body();
    await store;
  } finally {
    progress.close();
    rmSync(home, { recursive: true, force: true });
  }
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: unknown[];
  }[];
}

/** Runs one vitest project, its output shown as it comes. */
async function runSuite(suite: string, files: readonly string[]): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-report-'));
  const report = join(folder, 'report.json');
  const args = ['run', '--project', suite, '--reporter=default', '--reporter=json'];
  try {
    const { code } = await runTool(
      'vitest',
      [...args, `--outputFile.json=${report}`, '--passWithNoTests', ...files],
      readEnvironment(),
      'inherited',
    );
    return resultOf(suite, code, readReport(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return null;
  }
}

/**
 * A file that could not be run counts as one failure, and so does a run that ended badly though
 * each of its tests passed, or that left no report.
 */
export function resultOf(
  suite: string,
  code: number | null,
  report: VitestReport | null,
): SuiteResult {
  if (report === null) {
    return { suite, passed: 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  }
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  const failed = report.numFailedTests + broken;
  return {
    suite,
    passed: report.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * The closing line 'N passed, N failed', and whether the run is a success: some test ran, none
 * failed.
 */
export function summaryOf(results: readonly SuiteResult[]): { line: string; ok: boolean } {
  const sum = (pick: (result: SuiteResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failed);
  const skipped = sum((result) => result.skipped);
  const tail = skipped === 0 ? '' : `, ${skipped} skipped`;
  return {
    line: `${passed} passed, ${failed} failed${tail}`,
    ok: failed === 0 && passed > 0,
  };
}
