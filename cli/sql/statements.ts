/** A text cut at the semicolons that end a statement. */
export interface Cut {
  /** Statements that a semicolon ended, without it. */
  readonly statements: readonly string[];
  /** The text after the last one: empty, or a statement that goes on. */
  readonly rest: string;
}

/**
 * A semicolon in one of these ends nothing: strings, names, dollar quotes, comments. Tried in
 * order.
 */
const WHOLE = [
  /[eE]'(?:[^'\\]|\\[^]|'')*'/y,
  /'(?:[^']|'')*'/y,
  /"(?:[^"]|"")*"/y,
  /\$([A-Za-z_]\w*)?\$[^]*?\$\1\$/y,
  /--[^\n]*(?:\n|$)/y,
  /\/\*[^]*?\*\//y,
  /[A-Za-z_][\w$]*/y,
];
/** The begin of one of them; when it matches none of the above, it has not ended yet. */
const OPENING = /'|"|\$([A-Za-z_]\w*)?\$|\/\*/y;

export function cutStatements(text: string): Cut {
  const statements: string[] = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const end = endOfWhole(text, at);
    if (end !== null) {
      at = end;
      continue;
    }
    OPENING.lastIndex = at;
    if (OPENING.test(text)) break;
    if (text[at] === ';') {
      push(statements, text.slice(from, at));
      from = at + 1;
    }
    at++;
  }
  const rest = text.slice(from);
  return { statements, rest: isBlank(rest) ? '' : rest };
}

function push(statements: string[], text: string): void {
  if (!isBlank(text)) statements.push(text.trim());
}

/** All statements of a whole text: the last one needs no semicolon. */
export function statementsOf(text: string): string[] {
  const { statements, rest } = cutStatements(text);
  return rest === '' ? [...statements] : [...statements, rest.trim()];
}

function endOfWhole(text: string, at: number): number | null {
  for (const pattern of WHOLE) {
    pattern.lastIndex = at;
    if (pattern.test(text)) return pattern.lastIndex;
  }
  return null;
}

/** Nothing but space and comments. */
function isBlank(text: string): boolean {
  return text.replace(/--[^\n]*(\n|$)|\/\*[^]*?\*\//g, '').trim() === '';
}
