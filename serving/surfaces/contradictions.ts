import type { z } from 'zod';
import { dayEnd, momentOf } from './dates.ts';
import { nearestName, showPath } from './fault.ts';
import type { Fault, Path } from './fault.ts';
import { SURFACES_MAX, movieSet, pin, reserved, surfaceName, years } from './surface-schema.ts';

type Pin = z.output<typeof pin>;
type Reserved = z.output<typeof reserved>;
type Note = (path: Path, message: string) => void;

/**
 * What is right by itself and can't hold together. Takes the file as it was read, and looks at those
 * parts of it that the schema has nothing against: so all faults are told at once.
 */
export function contradictions(file: unknown, lineOf: (path: Path) => number): readonly Fault[] {
  const faults: Fault[] = [];
  const note: Note = (path, message) => {
    faults.push({ line: lineOf(path), path: showPath(path), message });
  };
  const given = asMap(file)['surfaces'];
  const surfaces = Object.entries(asMap(given));
  const names = surfaces.map(([name]) => name);
  if (given === asMap(given) && (names.length === 0 || names.length > SURFACES_MAX))
    note(['surfaces'], `has ${names.length} entries; expected 1 to ${SURFACES_MAX}`);
  const first = readOr(surfaceName.default('home'), asMap(file)['default'], null);
  if (first !== null && names.length > 0 && !names.includes(first))
    note(['default'], noSurface(first, names));
  const everywhere = readOr(movieSet, asMap(file)['blocked'], []);
  for (const [name, surface] of surfaces)
    checkSurface(asMap(surface), everywhere, (path, message) => {
      note(['surfaces', name, ...path], message);
    });
  return faults;
}

function noSurface(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  const remedy = nearest === null ? 'name one of the surfaces here' : `did you mean ${nearest}?`;
  return `is ${name}, and there is no such surface; ${remedy}`;
}

function checkSurface(
  surface: Readonly<Record<string, unknown>>,
  everywhere: readonly number[],
  note: Note,
): void {
  const filter = asMap(surface['filter']);
  const { from, to } = readOr(years, filter['years'], {});
  if (from !== undefined && to !== undefined && from > to)
    note(['filter', 'years'], `is from ${from} to ${to}; expected from before to`);
  const never = new Set([
    ...everywhere,
    ...readOr(movieSet, surface['blocked'], []),
    ...readOr(movieSet, filter['exclude'], []),
  ]);
  const pins = asList(surface['pins']).map((given) => readOr<Pin | null>(pin, given, null));
  checkPins(pins, never, note);
  asList(surface['reserved']).forEach((given, i) => {
    const slots = readOr<Reserved | null>(reserved, given, null);
    if (slots !== null) checkReserved(slots, ['reserved', i], never, note);
  });
}

function checkPins(pins: readonly (Pin | null)[], never: ReadonlySet<number>, note: Note): void {
  pins.forEach((pin, i) => {
    if (pin === null) return;
    checkDates(pin, ['pins', i], note);
    if (never.has(pin.movie)) note(['pins', i, 'movie'], `is ${pin.movie}, ${BLOCKED}`);
    const other = pins.findIndex(
      (earlier, j) => j < i && earlier !== null && collide(earlier, pin),
    );
    if (other === -1) return;
    const shared = pins[other]?.movie === pin.movie ? 'movie' : 'position';
    note(
      ['pins', i, shared],
      `is ${pin[shared]}, as in pins[${other}] at the same time; expected another, or other dates`,
    );
  });
}

const BLOCKED = 'which is blocked or excluded; expected one that may be shown';

function checkReserved(
  { slots, of, movies, ...dates }: Reserved,
  path: Path,
  never: ReadonlySet<number>,
  note: Note,
): void {
  checkDates(dates, path, note);
  const most = Math.min(of, new Set(movies).size);
  if (slots > most)
    note(
      [...path, 'slots'],
      `is ${slots}; expected at most ${most}: there are ${of} places and ${movies.length} movies`,
    );
  movies.forEach((movie, i) => {
    if (never.has(movie)) note([...path, 'movies', i], `is ${movie}, ${BLOCKED}`);
  });
}

function checkDates({ from, until }: Pick<Pin, 'from' | 'until'>, path: Path, note: Note): void {
  if (from !== undefined && until !== undefined && momentOf(from) >= dayEnd(until))
    note([...path, 'until'], `is ${until}; expected a date after from, which is ${from}`);
}

function collide(a: Pin, b: Pin): boolean {
  return (a.movie === b.movie || a.position === b.position) && before(a, b) && before(b, a);
}

/** Whether one begins before the other ends. */
function before({ from }: Pin, { until }: Pin): boolean {
  return from === undefined || until === undefined || momentOf(from) < dayEnd(until);
}

/** What a schema makes of a value; the other value where it has something against it. */
function readOr<T>(schema: z.ZodType<T>, given: unknown, otherwise: T): T;
function readOr<T, U>(schema: z.ZodType<T>, given: unknown, otherwise: U): T | U;
function readOr(schema: z.ZodType, given: unknown, otherwise: unknown): unknown {
  const parsed = schema.safeParse(given);
  return parsed.success ? parsed.data : otherwise;
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  const isMap = value !== null && typeof value === 'object' && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
