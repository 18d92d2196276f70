/**
 * BACKWARD_TRANSITIVE for the part of Avro that schemas/ uses: the newest schema must read what any
 * earlier one wrote. The rules are Avro's schema resolution; the registry applies them too, but its
 * answer names neither field nor rule well.
 */
export type CompatibilityRule =
  | 'reader_field_needs_default'
  | 'type_changed'
  | 'name_changed'
  | 'fixed_size_changed'
  | 'enum_symbol_removed'
  | 'union_branch_removed';

export interface Incompatibility {
  /** Versions, counted from 1 in the order given. */
  readonly newer: number;
  readonly older: number;
  /** Path of the field: `position`, `headers.values`. */
  readonly field: string;
  readonly rule: CompatibilityRule;
  readonly message: string;
}

type Json = Readonly<Record<string, unknown>>;
type Break = Pick<Incompatibility, 'field' | 'rule' | 'message'>;
/** A schema with the named types it may refer to. */
interface Scope {
  readonly type: unknown;
  readonly named: ReadonlyMap<string, Json>;
}

/** Types that a reader may take a writer's type for, besides itself. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

/**
 * Holds each schema against all earlier ones.
 *
 * @param schemas JSON texts, oldest first
 * @returns every break found; empty when each version reads all before it
 */
export function checkBackwardTransitive(schemas: readonly string[]): Incompatibility[] {
  const scopes = schemas.map((text): Scope => {
    const type: unknown = JSON.parse(text);
    const named = new Map<string, Json>();
    collectNamed(type, undefined, named);
    return { type, named };
  });
  return scopes.flatMap((reader, newer) =>
    scopes.slice(0, newer).flatMap((writer, older) =>
      compare(reader, writer, '', new Set()).map((found) => {
        return { newer: newer + 1, older: older + 1, ...found };
      }),
    ),
  );
}

function collectNamed(type: unknown, space: string | undefined, named: Map<string, Json>): void {
  if (Array.isArray(type)) {
    for (const branch of type) collectNamed(branch, space, named);
    return;
  }
  if (typeof type !== 'object' || type === null) return;
  const schema = type as Json;
  const inner = typeof schema['namespace'] === 'string' ? schema['namespace'] : space;
  if (typeof schema['name'] === 'string' && isNamedKind(schema['type'])) {
    named.set(qualify(schema['name'], inner), schema);
    // The short name too: references are resolved in the namespace they stand in, and ours is one.
    named.set(shortName(schema['name']), schema);
  }
  for (const field of fieldsOf(schema)) collectNamed(field['type'], inner, named);
  collectNamed(schema['items'], inner, named);
  collectNamed(schema['values'], inner, named);
  if (typeof schema['type'] === 'object') collectNamed(schema['type'], inner, named);
}

function isNamedKind(kind: unknown): boolean {
  return kind === 'record' || kind === 'fixed' || kind === 'enum';
}

function qualify(name: string, space: string | undefined): string {
  return name.includes('.') || space === undefined ? name : `${space}.${name}`;
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function fieldsOf(schema: Json): readonly Json[] {
  return Array.isArray(schema['fields']) ? (schema['fields'] as Json[]) : [];
}

/** Follows references and unwraps `{ "type": "string" }`; a primitive comes back as `{ type }`. */
function resolve(scope: Scope): Json | readonly unknown[] {
  const { type, named } = scope;
  if (Array.isArray(type)) return type as unknown[];
  if (typeof type === 'string') return named.get(type) ?? { type };
  const schema = type as Json;
  return typeof schema['type'] === 'object' && schema['type'] !== null
    ? resolve({ type: schema['type'], named })
    : schema;
}

function compare(reader: Scope, writer: Scope, path: string, seen: Set<string>): Break[] {
  const read = resolve(reader);
  const wrote = resolve(writer);
  if (Array.isArray(wrote)) {
    // Whatever branch was written must be readable.
    return wrote.flatMap((branch) => compare(reader, { ...writer, type: branch }, path, seen));
  }
  const written = wrote as Json;
  if (Array.isArray(read)) {
    const fits = read.some(
      (branch) => compare({ ...reader, type: branch }, writer, path, seen).length === 0,
    );
    if (fits) return [];
    const message = `${kindName(written)} was written and no branch of the union reads it`;
    return [{ field: path, rule: 'union_branch_removed', message }];
  }
  return compareOne(read as Json, written, reader, writer, path, seen);
}

function compareOne(
  read: Json,
  wrote: Json,
  reader: Scope,
  writer: Scope,
  path: string,
  seen: Set<string>,
): Break[] {
  const kind = String(read['type']);
  const from = String(wrote['type']);
  if (kind !== from) {
    if (PROMOTIONS[from]?.includes(kind) === true) return [];
    const message = `was ${kindName(wrote)}, is ${kindName(read)}`;
    return [{ field: path, rule: 'type_changed', message }];
  }
  const inner = (key: string): Break[] =>
    compare({ ...reader, type: read[key] }, { ...writer, type: wrote[key] }, join(path, key), seen);
  if (kind === 'array') return inner('items');
  if (kind === 'map') return inner('values');
  if (!isNamedKind(kind)) return [];
  if (!sameName(read, wrote)) {
    const names = `was named ${String(wrote['name'])}, is named ${String(read['name'])}`;
    const message = `${names} without that alias`;
    return [{ field: path, rule: 'name_changed', message }];
  }
  if (kind === 'fixed') {
    if (read['size'] === wrote['size']) return [];
    const message = `had ${String(wrote['size'])} bytes, has ${String(read['size'])}`;
    return [{ field: path, rule: 'fixed_size_changed', message }];
  }
  if (kind === 'enum') return compareEnum(read, wrote, path);
  return compareRecord(read, wrote, reader, writer, path, seen);
}

function compareEnum(read: Json, wrote: Json, path: string): Break[] {
  if ('default' in read) return [];
  const symbols = read['symbols'] as string[];
  const gone = (wrote['symbols'] as string[]).filter((symbol) => !symbols.includes(symbol));
  if (gone.length === 0) return [];
  return [{ field: path, rule: 'enum_symbol_removed', message: `lacks ${gone.join(', ')}` }];
}

function compareRecord(
  read: Json,
  wrote: Json,
  reader: Scope,
  writer: Scope,
  path: string,
  seen: Set<string>,
): Break[] {
  // A record that holds itself is compared once.
  const key = `${path.split('.').length > 8 ? '' : path}:${String(read['name'])}`;
  if (seen.has(key)) return [];
  seen.add(key);
  return fieldsOf(read).flatMap((field): Break[] => {
    const name = String(field['name']);
    const at = join(path, name);
    const names = [name, ...((field['aliases'] as string[] | undefined) ?? [])];
    const source = fieldsOf(wrote).find((other) => names.includes(String(other['name'])));
    if (source === undefined) {
      if ('default' in field) return [];
      const message = 'is new and has no default, so records without it can not be read';
      return [{ field: at, rule: 'reader_field_needs_default', message }];
    }
    return compare(
      { ...reader, type: field['type'] },
      { ...writer, type: source['type'] },
      at,
      seen,
    );
  });
}

function sameName(read: Json, wrote: Json): boolean {
  const names = [read['name'], ...((read['aliases'] as unknown[] | undefined) ?? [])];
  return names.some((name) => shortName(String(name)) === shortName(String(wrote['name'])));
}

function kindName(schema: Json): string {
  const kind = String(schema['type']);
  return isNamedKind(kind) ? `${kind} ${String(schema['name'])}` : kind;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
