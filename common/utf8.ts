// ignoreBOM keeps a leading U+FEFF: the text is data and not a file.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Node's own method, faster than toString for short text; its types leave it out. */
interface Latin1 {
  latin1Slice(start: number, end: number): string;
}

/**
 * The text between two places of a buffer. Throws InvalidText where the bytes are not valid UTF-8,
 * which Buffer's own decoding would paper over with U+FFFD.
 */
export function readUtf8(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at += 1) {
    if ((bytes[at] as number) >= 0x80) return readWide(bytes, start, end);
  }
  return (bytes as Buffer & Latin1).latin1Slice(start, end);
}

function readWide(bytes: Buffer, start: number, end: number): string {
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new InvalidText(cause);
  }
}

/** A string that is not valid UTF-8. */
export class InvalidText extends Error {
  constructor(cause: unknown) {
    super('a string is not valid UTF-8', { cause });
    this.name = 'InvalidText';
  }
}
