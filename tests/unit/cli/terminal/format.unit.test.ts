import { describe, expect, it } from 'vitest';
import { formatCount, formatRate, formatTable, shorten } from '../../../../cli/terminal/format.ts';

describe('formatTable', () => {
  it('aligns columns and ends lines without blanks', () => {
    const columns = [{ title: 'name' }, { title: 'count', align: 'right' as const }];
    expect(
      formatTable(columns, [
        ['a', '1'],
        ['long one', '1,000'],
      ]),
    ).toBe(['name      count', 'a             1', 'long one  1,000'].join('\n'));
  });

  it('cuts the widest column to the width, and shows what it cut', () => {
    const table = formatTable([{ title: 'a' }, { title: 'b' }], [['x'.repeat(100), 'y']], 20);
    expect(table).toBe(['a                  b', `${'x'.repeat(14)}...  y`].join('\n'));
  });

  it('lets no control character through to the terminal', () => {
    expect(shorten('a\u001b[31mb\nc', 20)).toBe('a [31mb c');
  });
});

describe('numbers', () => {
  it('are grouped, and rates rounded to what they can mean', () => {
    expect(formatCount(100836)).toBe('100,836');
    expect(formatRate(100836, 1900)).toBe('53,100/s');
    expect(formatRate(5, 1000)).toBe('5/s');
    expect(formatRate(5, 0)).toBe('0/s');
  });
});
