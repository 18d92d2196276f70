import { describe, expect, test } from 'vitest';
import { cutStatements, statementsOf } from '../../../../cli/sql/statements.ts';

describe('statements end at a semicolon', () => {
  test.each([
    ['SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2'], ''],
    ['SELECT 1', [], 'SELECT 1'],
    [' ;; \n', [], ''],
    ["SELECT 'a;b', 'it''s;';", ["SELECT 'a;b', 'it''s;'"], ''],
    ["SELECT E'a\\';b';", ["SELECT E'a\\';b'"], ''],
    ['SELECT 1 AS "a;""b";', ['SELECT 1 AS "a;""b"'], ''],
    ['SELECT $$a;b$$, $x$;$$;$x$;', ['SELECT $$a;b$$, $x$;$$;$x$'], ''],
    ['SELECT 1 -- not here;\n+ 1;', ['SELECT 1 -- not here;\n+ 1'], ''],
    ['SELECT /* nor; here */ 1;', ['SELECT /* nor; here */ 1'], ''],
    ['-- a note\n', [], ''],
    ['SELECT $1, a$b$c; SELECT 2', ['SELECT $1, a$b$c'], ' SELECT 2'],
  ])('%j', (text, statements, rest) => {
    expect(cutStatements(text)).toEqual({ statements, rest });
  });

  test.each(["SELECT 'a;", 'SELECT "a;', 'SELECT $$ ;', 'SELECT $a$ ; $b$', 'SELECT 1 /* ;'])(
    'but not within what has not ended: %j',
    (text) => {
      expect(cutStatements(text)).toEqual({ statements: [], rest: text });
    },
  );

  test('and the last of a whole text needs none', () => {
    expect(statementsOf('SELECT 1;\nSELECT 2\n')).toEqual(['SELECT 1', 'SELECT 2']);
    expect(statementsOf('SELECT 1; -- the end')).toEqual(['SELECT 1']);
  });
});
