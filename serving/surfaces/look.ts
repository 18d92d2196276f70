import { createHash } from 'node:crypto';
import { MarqueeError } from '../../common/error.ts';
import { readContent } from './read-surfaces.ts';

/** What a look at the file gives. */
export type Look =
  | { readonly key: string; readonly content: Buffer }
  | { readonly key: string; readonly fault: MarqueeError };

/** The key of a file that isn't there. */
export const MISSING = 'missing';

/** Equal keys are equal contents, or equal reasons why there is none. */
export async function lookAt(file: string): Promise<Look> {
  try {
    const content = await readContent(file);
    if (content !== null)
      return { key: createHash('sha256').update(content).digest('hex'), content };
    const why = `${file}: is not there; put it back`;
    return { key: MISSING, fault: new MarqueeError('MARQUEE_SURFACES_INVALID', why) };
  } catch (error) {
    if (!(error instanceof MarqueeError)) throw error;
    return { key: error.message, fault: error };
  }
}
