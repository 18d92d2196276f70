const KEY_ORDER = (a: string, b: string): number => {
  const x = Buffer.from(a);
  const y = Buffer.from(b);
  return x.length - y.length || x.compare(y);
};

/**
 * A map of strings as Postgres prints its jsonb: keys by length, then bytewise, with ", " and ": ".
 * So a row that is read back has the bytes that were written. (src/backend/utils/adt/jsonb_util.c,
 * lengthCompareJsonbStringValue.) Strings must not hold U+0000.
 */
export function jsonbOfMap(map: Readonly<Record<string, string>>): string {
  const keys = Object.keys(map);
  if (keys.length === 0) return '{}';
  if (keys.length > 1) keys.sort(KEY_ORDER);
  return `{${keys.map((k) => `${JSON.stringify(k)}: ${JSON.stringify(map[k])}`).join(', ')}}`;
}
