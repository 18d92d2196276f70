import { MarqueeError } from '../../common/error.ts';
import type { Surface } from '../ranking/surface.ts';
import { toSurface } from './canonical-surface.ts';
import { contradictions } from './contradictions.ts';
import type { Fault } from './fault.ts';
import { schemaFaults } from './schema-faults.ts';
import { fileSchema } from './surface-schema.ts';
import { readYaml } from './yaml-content.ts';

/** The surfaces of a file. Nothing in it changes: another file is another Surfaces. */
export interface Surfaces {
  /** The surface of requests that name none. */
  readonly default: Surface;
  readonly byName: ReadonlyMap<string, Surface>;
}

export const SURFACES_BYTES_MAX = 256 * 1024;
const FAULTS_MAX = 100;

/**
 * Throws MARQUEE_SURFACES_INVALID with a line for each fault, all of them at once. `file` is the name
 * that the lines begin with.
 */
export function parseSurfaces(content: Uint8Array, file = 'surfaces.yaml'): Surfaces {
  if (content.length > SURFACES_BYTES_MAX)
    throw refused(file, [
      whole(`has ${content.length} bytes; expected ${SURFACES_BYTES_MAX} at most`),
    ]);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw refused(file, [whole('is not UTF-8')]);
  }
  const { value, lineOf, faults } = readYaml(text);
  if (value === undefined && faults.length > 0) throw refused(file, faults);
  if (value === null) throw refused(file, [whole('is empty; expected surfaces')]);
  const parsed = fileSchema.safeParse(value, { reportInput: true });
  const issues = parsed.success ? [] : schemaFaults(parsed.error.issues, lineOf);
  const found = [...faults, ...issues, ...contradictions(value, lineOf)];
  if (!parsed.success || found.length > 0) throw refused(file, found);
  const byName = new Map(
    Object.entries(parsed.data.surfaces).map(([name, surface]) => [
      name,
      toSurface(name, surface, parsed.data.blocked),
    ]),
  );
  return { default: byName.get(parsed.data.default) as Surface, byName };
}

/** Null where a request names a surface that there isn't. */
export function surfaceNamed(surfaces: Surfaces, name: string | null): Surface | null {
  return name === null ? surfaces.default : (surfaces.byName.get(name) ?? null);
}

function whole(message: string): Fault {
  return { line: 1, path: '', message };
}

function refused(file: string, faults: readonly Fault[]): MarqueeError {
  const lines = faults
    .toSorted((a, b) => a.line - b.line)
    .slice(0, FAULTS_MAX)
    .map(({ line, path, message }) =>
      path === '' ? `${file}:${line}: ${message}` : `${file}:${line}: ${path}: ${message}`,
    );
  if (faults.length > FAULTS_MAX) lines.push(`${file}: and ${faults.length - FAULTS_MAX} more`);
  return new MarqueeError('MARQUEE_SURFACES_INVALID', lines.join('\n'));
}
