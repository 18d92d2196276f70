import { describe, expect, it } from 'vitest';
import { PROCESSORS } from '../../../streams/index.ts';

const all = Object.values(PROCESSORS);
const retained = all.flatMap(({ retention }) => retention ?? []);

/** What is there more than once. */
function repeated(words: readonly string[]): string[] {
  return words.filter((word, i) => words.indexOf(word) !== i);
}

describe('the declarations of all processors', () => {
  it('stand in the table under their names', () => {
    expect(Object.keys(PROCESSORS)).toEqual(all.map(({ name }) => name));
  });

  it('share no table, and no setting', () => {
    expect(repeated(all.flatMap((p) => [...p.tables, ...(p.sideTables ?? [])]))).toEqual([]);
    expect(repeated(retained.map(({ setting }) => setting))).toEqual([]);
    expect(repeated(retained.map(({ env }) => env))).toEqual([]);
  });

  it.each(all)('$name speaks of tables of its own', ({ tables, retention, appliedIds }) => {
    for (const { table } of retention ?? []) expect(tables).toContain(table);
    if (appliedIds !== undefined) expect(tables).toContain(appliedIds.table);
  });
});
