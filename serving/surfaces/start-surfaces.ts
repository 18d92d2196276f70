import { MarqueeError, asError } from '../../common/error.ts';
import type { LastGood } from './last-good.ts';
import { MISSING } from './look.ts';
import type { Look } from './look.ts';
import { builtInSurfaces } from './read-surfaces.ts';
import { parseSurfaces } from './surfaces-file.ts';
import type { Surfaces } from './surfaces-file.ts';

/** What holds at the start. */
export interface Start {
  readonly surfaces: Surfaces;
  /** Why it isn't the file that holds. */
  readonly fault: MarqueeError | null;
  /** A good file that is to be kept. */
  readonly unsaved: Buffer | null;
  readonly isBuiltIn: boolean;
}

/** Throws MARQUEE_SURFACES_INVALID when neither the file nor the last good one can be used. */
export async function startWith(look: Look, file: string, lastGood: LastGood): Promise<Start> {
  const held = { fault: null, unsaved: null, isBuiltIn: false };
  let fault: MarqueeError;
  if ('fault' in look) fault = look.fault;
  else
    try {
      return { ...held, surfaces: parseSurfaces(look.content, file), unsaved: look.content };
    } catch (error) {
      if (!(error instanceof MarqueeError)) throw error;
      fault = error;
    }
  const kept = await lastGood.load();
  if (kept !== null) return { ...held, surfaces: parseKept(kept, lastGood, fault), fault };
  if (look.key !== MISSING) throw fault;
  return { ...held, surfaces: builtInSurfaces(), isBuiltIn: true };
}

function parseKept(kept: Buffer, lastGood: LastGood, fault: MarqueeError): Surfaces {
  try {
    return parseSurfaces(kept, lastGood.file);
  } catch (error) {
    const both = `${fault.message}\n${asError(error).message}`;
    throw new MarqueeError('MARQUEE_SURFACES_INVALID', both, { cause: error });
  }
}
