import { InvalidArgumentError } from 'commander';

/** Parsers of the options that benches share. */
export function positive(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('not a whole number above 0');
  return value;
}

export function sizes(text: string): number[] {
  return text === 'none' ? [] : text.split(',').map(positive);
}

export function withSetting(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, key, value] = /^(MARQUEE_[A-Z_]+[A-Z0-9_]*)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError('wanted is MARQUEE_KEY=value');
  }
  return { ...before, [key]: value };
}
