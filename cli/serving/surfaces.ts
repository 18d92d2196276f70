import { MarqueeError } from '../../common/error.ts';
import type { Surface } from '../../serving/ranking/surface.ts';
import { plainSurface } from '../../serving/surfaces/canonical-surface.ts';
import { builtInSurfaces, readSurfaces } from '../../serving/surfaces/read-surfaces.ts';
import type { Surfaces } from '../../serving/surfaces/surfaces-file.ts';
import { surfaceNamed } from '../../serving/surfaces/surfaces-file.ts';
import { loadConfig } from '../config/config.ts';
import { formatTime, left, print, printJson, right, table } from '../terminal/output.ts';

/** A file that was named must be there; else the built-in surfaces hold, as they do when serving. */
async function read(file: string | null): Promise<{ surfaces: Surfaces; from: string }> {
  const path = file ?? loadConfig().serving.surfacesFile;
  const surfaces = await readSurfaces(path);
  if (surfaces !== null) return { surfaces, from: `${path} is good` };
  if (file !== null)
    throw new MarqueeError('MARQUEE_SURFACES_INVALID', `${file}: there is no such file`);
  return { surfaces: builtInSurfaces(), from: `there is no ${path}: what is built in holds` };
}

/** The command `marquee surfaces check`. Faults go out as lines of their own, for editors and CI. */
export async function surfacesCheck(file: string | null): Promise<void> {
  try {
    const { surfaces, from } = await read(file);
    const names = [...surfaces.byName.keys()].join(', ');
    print(`${from}; surfaces ${names}, by default ${surfaces.default.name}`);
  } catch (error) {
    if (!(error instanceof MarqueeError) || error.code !== 'MARQUEE_SURFACES_INVALID') throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** The command `marquee surfaces show`. */
export async function surfacesShow(
  name: string | null,
  file: string | null,
  json: boolean,
): Promise<void> {
  const { surfaces, from } = await read(file);
  if (name !== null) {
    showOne(surfaceNamed(surfaces, name) ?? unknown(name, surfaces), json);
    return;
  }
  const all = [...surfaces.byName.values()];
  if (json) {
    printJson({ default: surfaces.default.name, surfaces: all.map(plainSurface) });
    return;
  }
  print(from);
  print(
    table(
      [left('surface'), left('version'), right('limit'), left('seen'), left('steps')],
      all.map((surface) => [
        surface === surfaces.default ? `${surface.name} (default)` : surface.name,
        surface.version,
        String(surface.limit),
        surface.seen,
        stepsOf(surface).join(', '),
      ]),
    ),
  );
}

function unknown(name: string, { byName }: Surfaces): never {
  const names = [...byName.keys()].join(', ');
  throw new MarqueeError(
    'MARQUEE_SURFACE_UNKNOWN',
    `There is no surface ${name}; there are ${names}`,
  );
}

function showOne(surface: Surface, json: boolean): void {
  const plain = plainSurface(surface) as Readonly<Record<string, unknown>>;
  if (json) {
    printJson(plain);
    return;
  }
  for (const [name, value] of Object.entries(plain)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value, withTimes);
    print(`${name.padEnd(20)} ${text}`);
  }
}

function withTimes(key: string, value: unknown): unknown {
  return (key === 'from' || key === 'until') && typeof value === 'number'
    ? formatTime(value)
    : value;
}

/** The steps that are on, in their order. */
function stepsOf(surface: Surface): string[] {
  const { filter, blocked, boosts, pins, reserved, diversity, exploration } = surface;
  const filters = filter.genresAny.length + filter.genresNone.length > 0;
  const years = filter.yearFrom !== null || filter.yearTo !== null;
  const on: readonly (readonly [boolean, string])[] = [
    [filters || years, 'filter'],
    [blocked.size > 0, `${blocked.size} blocked`],
    [surface.impressionDiscount !== 1, `impressions x ${surface.impressionDiscount}`],
    [surface.popularityExponent !== 0, `popularity^${surface.popularityExponent}`],
    [boosts.genres.size + boosts.movies.size > 0, 'boosts'],
    [diversity.kind !== 'none', diversity.kind],
    [pins.length > 0, `${pins.length} pins`],
    [reserved.length > 0, `${reserved.length} reserved`],
    [exploration.share > 0, `exploration ${exploration.share}`],
  ];
  return on.filter(([isOn]) => isOn).map(([, step]) => step);
}
