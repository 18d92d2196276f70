import type { z } from 'zod';
import { nearestName, showPath, showValue } from './fault.ts';
import type { Fault, Path } from './fault.ts';

type Issue = z.core.$ZodIssue;

const KINDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** What the schema finds wrong, in words: what is there, and what is expected. */
export function schemaFaults(
  issues: readonly Issue[],
  lineOf: (path: Path) => number,
): readonly Fault[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    const at = (message: string, inner = path): Fault => ({
      line: lineOf(inner),
      path: showPath(inner),
      message,
    });
    if (issue.code !== 'unrecognized_keys') return [at(explain(issue))];
    const names = issue.message.split(',');
    return issue.keys.map((key) => at(unknownName(key, names), [...path, key]));
  });
}

function unknownName(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  if (nearest !== null) return `is not known here; did you mean ${nearest}?`;
  return `is not known here; expected one of ${names.join(', ')}`;
}

function explain(issue: Exclude<Issue, { code: 'unrecognized_keys' }>): string {
  const said = issue.input === undefined ? 'is missing' : `is ${showValue(issue.input)}`;
  switch (issue.code) {
    case 'invalid_type':
      return `${said}; expected ${ownWords(issue) ?? KINDS[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return bound(issue, said, 'at least', issue.minimum);
    case 'too_big':
      return bound(issue, said, 'at most', issue.maximum);
    case 'invalid_value':
      return `${said}; expected ${oneOf(issue.values.map(String))}`;
    case 'invalid_key':
      return `is no key that may stand here; expected ${issue.issues[0]?.message ?? 'another'}`;
    case 'invalid_union':
      return badKind(issue) ?? `${said}; expected ${issue.message}`;
    default:
      return `${said}; expected ${issue.message}`;
  }
}

/** Of maps that come in several kinds: the kind is missing, or there is no such. */
function badKind(issue: Extract<Issue, { code: 'invalid_union' }>): string | null {
  if (!('options' in issue) || !('discriminator' in issue)) return null;
  const given = (issue.input as Record<string, unknown>)[String(issue.discriminator)];
  const said = given === undefined ? 'is missing' : `is ${showValue(given)}`;
  return `${said}; expected ${oneOf((issue.options as unknown[]).map(String))}`;
}

function bound(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  said: string,
  words: string,
  limit: number | bigint,
): string {
  const { input, origin } = issue;
  if (origin === 'array')
    return `has ${(input as unknown[]).length} entries; expected ${words} ${limit}`;
  if (origin === 'string')
    return `has ${(input as string).length} characters; expected ${words} ${limit}`;
  return `${said}; expected ${ownWords(issue) ?? `${words} ${limit}`}`;
}

/** What the schema itself says is expected; the package's own messages begin with these words. */
function ownWords({ message }: Issue): string | null {
  return /^(Invalid|Too) /.test(message) ? null : message;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] as string) : `one of ${values.join(', ')}`;
}
