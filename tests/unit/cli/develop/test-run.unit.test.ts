import { describe, expect, it } from 'vitest';
import { resultOf, summaryOf } from '../../../../cli/develop/test-run.ts';

const report = (passed: number, failed: number, brokenFiles = 0) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: Array.from({ length: brokenFiles }, () => ({
    status: 'failed',
    assertionResults: [],
  })),
});

describe('resultOf', () => {
  it('counts what vitest counted', () => {
    const result = resultOf('int', 1, report(5, 2));
    expect(result).toEqual({ suite: 'int', passed: 5, failed: 2, skipped: 2 });
  });

  it('counts a file that could not be run as a failure', () => {
    expect(resultOf('int', 1, report(5, 0, 1)).failed).toBe(1);
  });

  it('counts a run that ended badly as a failure though every test passed', () => {
    expect(resultOf('int', 1, report(5, 0)).failed).toBe(1);
  });

  it('counts a run without a report as a failure', () => {
    expect(resultOf('int', null, null)).toEqual({ suite: 'int', passed: 0, failed: 1, skipped: 0 });
    expect(resultOf('int', 137, null).failed).toBe(1);
  });

  it('takes a suite without files for what it is', () => {
    expect(resultOf('faults', 0, null).failed).toBe(0);
  });
});

describe('summaryOf', () => {
  it('adds up the suites in one line', () => {
    const unit = { suite: 'unit', passed: 3, failed: 0, skipped: 0 };
    const int = { suite: 'int', passed: 4, failed: 1, skipped: 2 };
    expect(summaryOf([unit])).toEqual({ line: '3 passed, 0 failed', ok: true });
    expect(summaryOf([unit, int])).toEqual({ line: '7 passed, 1 failed, 2 skipped', ok: false });
  });

  it('is no success when no test ran', () => {
    expect(summaryOf([]).ok).toBe(false);
  });
});
