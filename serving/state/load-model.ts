import { MarqueeError } from '../../common/error.ts';
import { copyRows } from '../../connectors/postgres/copy-rows.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { createItemModel } from '../ranking/item-model.ts';
import type { ItemModel, SparseRows, Vectors } from '../ranking/item-model.ts';
import { createPlaces } from '../ranking/places.ts';
import type { Places } from '../ranking/places.ts';
import { readModelSettings } from './model-settings.ts';
import type { ModelSettings } from './model-settings.ts';

/** A model version as it is held: what ranks, and the settings that it was made with. */
export interface LoadedModel {
  readonly items: ItemModel;
  readonly settings: ModelSettings;
  /** Which change of the active model made it serve: a later change has a higher number. */
  readonly generation: number;
}

interface Version extends Record<string, unknown> {
  dimensions: number;
  settings: unknown;
}

/**
 * Reads a loaded version in one snapshot. Throws MARQUEE_MODEL_INCOMPLETE when a table has not as many
 * rows as the version says.
 */
export async function loadModel(
  session: Session,
  version: string,
  generation: number,
): Promise<LoadedModel> {
  return session.transaction(async () => {
    const [row] = await session.query<Version>(
      'SELECT dimensions, settings FROM model_versions WHERE model_version = $1',
      [version],
    );
    if (row === undefined)
      throw new MarqueeError('MARQUEE_MODEL_UNKNOWN', `model ${version} is not loaded`, {
        retriable: true,
      });
    const settings = readModelSettings(row.settings);
    const { movieIds, popularity } = await loadMovies(session, version);
    const placeOf = createPlaces(movieIds);
    const rows = (table: string, other: string): Promise<SparseRows> =>
      loadRows(session, { table, other, version, placeOf, expected: settings.counts[table] });
    const items = createItemModel({
      version,
      movieIds,
      popularity,
      neighbours: await rows('movie_neighbours', 'neighbour_id'),
      next: await rows('movie_next', 'next_id'),
      vectors: await loadVectors(session, version, placeOf, row.dimensions),
      blend: settings.blend,
    });
    return { items, settings, generation };
  }, 'REPEATABLE READ READ ONLY');
}

async function loadMovies(
  session: Session,
  version: string,
): Promise<{ movieIds: Float64Array; popularity: Float32Array }> {
  const movies = await session.query<{ movie_id: number; likes: number }>(
    `SELECT movie_id, max(likes)::int AS likes
       FROM (SELECT movie_id, likes FROM movie_popularity WHERE model_version = $1
             UNION ALL SELECT movie_id, 0 FROM movie_embeddings WHERE model_version = $1) AS known
      GROUP BY movie_id ORDER BY movie_id`,
    [version],
  );
  return {
    movieIds: Float64Array.from(movies, (movie) => movie.movie_id),
    popularity: Float32Array.from(movies, (movie) => movie.likes),
  };
}

interface RowsOptions {
  readonly table: string;
  readonly other: string;
  readonly version: string;
  readonly placeOf: Places;
  /** Rows that the version says it has; undefined when it doesn't. */
  readonly expected: number | undefined;
}

/** Places of a row's fields: a count of two bytes, and a length of four before each. */
const MOVIE_AT = 6;
const OTHER_AT = 18;
const WEIGHT_AT = 30;

async function loadRows(session: Session, options: RowsOptions): Promise<SparseRows> {
  const { table, other, version, placeOf, expected } = options;
  const literal = `'${version.replaceAll("'", "''")}'`;
  const [counted] = await session.query<{ n: number }>(
    `SELECT count(*) AS n FROM ${table} WHERE model_version = $1`,
    [version],
  );
  const count = counted?.n ?? 0;
  if (expected !== undefined && count !== expected)
    throw new MarqueeError(
      'MARQUEE_MODEL_INCOMPLETE',
      `model ${version}: ${table} has ${count} rows, and should have ${expected}. ` +
        'Load it again: marquee model load.',
      { retriable: true },
    );
  const starts = new Uint32Array(placeOf.size + 1);
  const places = new Uint32Array(count);
  const weights = new Float32Array(count);
  let n = 0;
  const query =
    `COPY (SELECT movie_id, ${other}, weight FROM ${table} WHERE model_version = ${literal} ` +
    'ORDER BY movie_id) TO STDOUT (FORMAT binary)';
  for await (const { bytes, at } of copyRows(session.copyOut(query))) {
    const row = placeOf.get(readInt8(bytes, at + MOVIE_AT));
    const place = placeOf.get(readInt8(bytes, at + OTHER_AT));
    if (row === undefined || place === undefined) continue;
    starts[row + 1] = (starts[row + 1] as number) + 1;
    places[n] = place;
    weights[n] = bytes.readFloatBE(at + WEIGHT_AT);
    n++;
  }
  for (let row = 1; row < starts.length; row++)
    starts[row] = (starts[row] as number) + (starts[row - 1] as number);
  return { starts, places: places.subarray(0, n), weights: weights.subarray(0, n) };
}

async function loadVectors(
  session: Session,
  version: string,
  placeOf: Places,
  dimensions: number,
): Promise<Vectors | null> {
  const values = new Float32Array(placeOf.size * dimensions);
  const literal = `'${version.replaceAll("'", "''")}'`;
  const query =
    `COPY (SELECT movie_id, embedding FROM movie_embeddings WHERE model_version = ${literal}) ` +
    'TO STDOUT (FORMAT binary)';
  let known = 0;
  for await (const { bytes, at } of copyRows(session.copyOut(query))) {
    const place = placeOf.get(readInt8(bytes, at + MOVIE_AT));
    // pgvector sends the number of dimensions, two bytes of nothing, then the numbers.
    const length = bytes.readInt16BE(at + OTHER_AT);
    if (place === undefined || length !== dimensions) continue;
    for (let i = 0; i < dimensions; i++)
      values[place * dimensions + i] = bytes.readFloatBE(at + OTHER_AT + 4 + 4 * i);
    known++;
  }
  return known === 0 ? null : { dimensions, values };
}

/** An int8 that is a safe integer. */
function readInt8(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
