import { expect, test } from 'vitest';
import { describeLoss, lossOutside } from '../../../../connectors/kafka/log-loss.ts';

test.each([
  [3, true],
  [4, false],
  [9, false],
  // The log's end is what will be written next.
  [10, false],
  [11, true],
])('offset %i of a log from 4 to 10 is lost: %s', (offset, lost) => {
  expect(lossOutside({ start: 4, end: 10 }, offset) !== undefined).toBe(lost);
});

test('the receiver is told what was asked for and what there is', () => {
  const loss = lossOutside({ start: 4, end: 10 }, 3);
  expect(describeLoss(3, loss ?? '')).toBe('asked for offset 3: the log holds 4 to 10');
});
