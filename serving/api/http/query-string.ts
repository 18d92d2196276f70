/** A key of the parsed query: the part that can't be decoded. */
export const BAD_QUERY = Symbol('bad query');

/** What a query string says: a parameter that may come several times is always a list. */
export interface ParsedQuery {
  [name: string]: string | string[];
  [BAD_QUERY]?: string;
}

const LISTS: ReadonlySet<string> = new Set(['exclude', 'include', 'genre']);
/** Their values may also stand in one, with commas between them. */
const COMMA_LISTS: ReadonlySet<string> = new Set(['exclude', 'include']);
const PAIRS_MAX = 600;
/** Far more than any list may have: what is too long is refused by its schema, not cut. */
const VALUES_MAX = 2_000;

/**
 * Reads a query string. Never throws, since the router calls it: what can't be decoded is named under
 * BAD_QUERY, for the validation to refuse. A parameter that is no list and comes twice becomes a list,
 * which its schema refuses.
 */
export function parseQueryString(text: string): ParsedQuery {
  // No prototype: a parameter named __proto__ is a parameter.
  const query = Object.create(null) as ParsedQuery;
  if (text === '') return query;
  const pairs = text.split('&', PAIRS_MAX + 1);
  if (pairs.length > PAIRS_MAX) query[BAD_QUERY] = `it has over ${PAIRS_MAX} parameters`;
  let values = 0;
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
    if (name === null || value === null) {
      query[BAD_QUERY] = `${JSON.stringify(pair.slice(0, 60))} is not UTF-8 in percent encoding`;
      continue;
    }
    const given = COMMA_LISTS.has(name) ? value.split(',', VALUES_MAX + 1) : [value];
    values += given.length;
    if (values > VALUES_MAX) query[BAD_QUERY] = `it has over ${VALUES_MAX} values`;
    else add(query, name, given);
  }
  return query;
}

function add(query: ParsedQuery, name: string, given: readonly string[]): void {
  const before = query[name];
  if (before === undefined && !LISTS.has(name)) query[name] = given[0] ?? '';
  else if (before === undefined) query[name] = [...given];
  else if (typeof before === 'string') query[name] = [before, ...given];
  else before.push(...given);
}

function decode(text: string): string | null {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return null;
  }
}
