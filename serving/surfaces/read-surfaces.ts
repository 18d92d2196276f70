import { MarqueeError, asError } from '../../common/error.ts';
import { DEFAULT_SURFACES } from './default-surfaces.ts';
import { readFileContent } from './file-content.ts';
import { SURFACES_BYTES_MAX, parseSurfaces } from './surfaces-file.ts';
import type { Surfaces } from './surfaces-file.ts';

/** What a file says, read once; null where there is none. Throws MARQUEE_SURFACES_INVALID. */
export async function readSurfaces(file: string): Promise<Surfaces | null> {
  const content = await readContent(file);
  return content === null ? null : parseSurfaces(content, file);
}

/** One byte more than a file may have, at most: so that one that is too large is seen to be. */
export async function readContent(file: string): Promise<Buffer | null> {
  try {
    return await readFileContent(file, SURFACES_BYTES_MAX + 1);
  } catch (cause) {
    const why = `${file}: can't be read: ${asError(cause).message}`;
    throw new MarqueeError('MARQUEE_SURFACES_INVALID', why, { cause });
  }
}

/** What holds where there is no file. */
export function builtInSurfaces(): Surfaces {
  return parseSurfaces(Buffer.from(DEFAULT_SURFACES), 'built in');
}
