import { expect, it } from 'vitest';
import {
  createSteps,
  parseLine,
  resultOf,
  type StageEnd,
} from '../../../../cli/batch/stage-output.ts';
import type { Progress } from '../../../../cli/terminal/progress.ts';

const end = (over: Partial<StageEnd>): StageEnd => ({
  code: 0,
  error: null,
  result: { result: { run: 7 } },
  lastWords: 'none',
  logFile: '/home/logs/batch.log',
  ...over,
});

it('gives the result of a stage that ended well', () => {
  expect(resultOf(end({}))).toEqual({ run: 7 });
  expect(resultOf(end({ result: { result: null } }))).toBeNull();
});

it("throws the stage's own error, whatever it gave and however it ended", () => {
  const error = { error: 'MARQUEE_BATCH_BUSY', message: 'another run is under way' };
  for (const code of [0, 1, null])
    expect(() => resultOf(end({ code, error }))).toThrow(
      expect.objectContaining({ code: error.error, message: error.message }),
    );
});

it.each([
  [{ code: 1 }, 'exit code 1'],
  [{ code: null }, 'a signal'],
  [{ result: null }, 'exit code 0'],
])('quotes the last words of a stage that ended otherwise: %j', (over, how) => {
  expect(() => resultOf(end({ ...over, lastWords: 'out of memory' }))).toThrow(
    expect.objectContaining({
      code: 'MARQUEE_BATCH_FAILED',
      message: `the batch stage ended with ${how}; its last words: out of memory (all of them: /home/logs/batch.log)`,
    }),
  );
});

it('takes for a line of the stage only an object of JSON', () => {
  expect(parseLine('{"step":"train","state":"begun"}')).toEqual({ step: 'train', state: 'begun' });
  expect(parseLine('{"step":')).toBeNull();
  expect(parseLine('WARN something')).toBeNull();
});

it('shows each step from its begin to its end, and notes as they come', () => {
  const said: string[] = [];
  const progress: Progress = {
    step: (name) => ({
      update: (text) => said.push(`${name}: ${text}`),
      done: (text) => said.push(`${name} done: ${text}`),
      fail: (text) => said.push(`${name} failed: ${text}`),
    }),
    note: (text) => said.push(text),
    close: () => undefined,
  };
  const steps = createSteps(progress);
  steps.show({ step: 'read', state: 'begun' });
  steps.show({ step: 'read', state: 'under_way', text: '5 files' });
  steps.show({ note: 'one object is broken' });
  steps.show({ step: 'read', state: 'done', text: '9 files' });
  steps.show({ step: 'train', state: 'begun' });
  steps.show({ step: 'train', state: 'failed' });
  expect(said).toEqual([
    'read: 5 files',
    'one object is broken',
    'read done: 9 files',
    'train failed: not finished',
  ]);
});
