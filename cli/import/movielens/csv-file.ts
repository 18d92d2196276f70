import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { MarqueeError } from '../../../common/error.ts';
import { readBytes, splitLines } from '../text-lines.ts';

/**
 * Far beyond any line of such a file: what is longer is a broken file, and must not fill memory.
 */
const LINE_BYTES_MAX = 64 * 1024;

export interface CsvHandlers {
  /** A row with as many fields as the header; `line` counts from 1, the header's. */
  row(fields: readonly string[], line: number): void;
  bad(line: number, reason: string): void;
}

/**
 * Reads a CSV file line by line, one line a row, so that a broken quote harms its own line only and
 * line numbers are an editor's. Takes LF and CRLF, with or without a byte order mark; blank lines
 * are passed over. Returns the SHA-256 (hex) of the bytes. Throws MARQUEE_IMPORT_FILE when the file
 * can't be read or begins with another header.
 */
export async function readCsv(
  file: string,
  header: readonly string[],
  handlers: CsvHandlers,
): Promise<string> {
  const hash = createHash('sha256');
  const bytes = readBytes(file, (piece) => {
    hash.update(piece);
  });
  let isEmpty = true;
  try {
    for await (const lines of splitLines(bytes, LINE_BYTES_MAX))
      for (const line of lines) {
        if (isEmpty) checkHeader(file, header, line.bytes ?? Buffer.alloc(0));
        else if (line.bytes === null)
          handlers.bad(line.number, `line of over ${LINE_BYTES_MAX} bytes`);
        else if (line.bytes.length > 0) takeRow(line.bytes, header.length, line.number, handlers);
        isEmpty = false;
      }
  } catch (cause) {
    if (cause instanceof MarqueeError) throw cause;
    throw new MarqueeError(
      'MARQUEE_IMPORT_FILE',
      `${file} can't be read: ${(cause as Error).message}. ` +
        'A MovieLens folder holds movies.csv, links.csv, tags.csv and ratings.csv, unpacked.',
      { cause },
    );
  }
  if (isEmpty) checkHeader(file, header, Buffer.alloc(0));
  return hash.digest('hex');
}

function checkHeader(file: string, header: readonly string[], content: Buffer): void {
  const found = content.toString();
  const names = isUtf8(content) ? (fieldsOf(found) ?? []) : [];
  if (names.map((name) => name.trim()).join(',') === header.join(',')) return;
  throw new MarqueeError(
    'MARQUEE_IMPORT_FILE',
    `${file}:1: the first line is ${JSON.stringify(found.slice(0, 80))}; ` +
      `a MovieLens file begins with ${header.join(',')}`,
  );
}

function takeRow(content: Buffer, columns: number, line: number, handlers: CsvHandlers): void {
  if (!isUtf8(content)) {
    handlers.bad(line, 'invalid UTF-8');
    return;
  }
  const text = content.toString();
  const fields = fieldsOf(text);
  if (fields === null) handlers.bad(line, 'broken quotes');
  else if (fields.length !== columns)
    handlers.bad(line, `${fields.length} columns instead of ${columns}`);
  else handlers.row(fields, line);
}

/** Most lines have no quotes, and splitting those is ten times faster than parsing. */
function fieldsOf(text: string): string[] | null {
  if (!text.includes('"')) return text.split(',');
  try {
    const rows: string[][] = parse(text, { relax_column_count: true });
    return rows.length === 1 ? (rows[0] ?? null) : null;
  } catch {
    return null;
  }
}
