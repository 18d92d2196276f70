import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../../../../cli/import/movielens/csv-file.ts';
import { MINUTE_MS } from '../../../../../common/time.ts';

describe('readCsv', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'marquee-csv-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function read(content: string | Buffer, header = ['a', 'b']) {
    const file = join(folder, 'file.csv');
    writeFileSync(file, content);
    const rows: [number, ...string[]][] = [];
    const bad: [number, string][] = [];
    const hash = await readCsv(file, header, {
      row: (fields, line) => rows.push([line, ...fields]),
      bad: (line, reason) => bad.push([line, reason]),
    });
    return { rows, bad, hash };
  }

  it('reads fields, quoted ones with commas and quotes, and numbers lines as an editor does', async () => {
    const { rows, bad } = await read('a,b\n1,x\n\n2,"y, ""z"""\n3,');
    expect(rows).toEqual([
      [2, '1', 'x'],
      [4, '2', 'y, "z"'],
      [5, '3', ''],
    ]);
    expect(bad).toEqual([]);
  });

  it('takes CRLF and a byte order mark', async () => {
    const { rows, bad } = await read('\uFEFFa,b\r\n1,x\r\n2,"y"\r\n');
    expect(rows).toEqual([
      [2, '1', 'x'],
      [3, '2', 'y'],
    ]);
    expect(bad).toEqual([]);
  });

  it('reports broken rows by line and harms no neighbour', async () => {
    const content = Buffer.concat([
      Buffer.from('a,b\n1\n2,"open\n3,x,y\n4,'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`\n5,${'long'.repeat(20_000)}\n6,fine\n`),
    ]);
    const { rows, bad } = await read(content);
    expect(rows).toEqual([[7, '6', 'fine']]);
    expect(bad).toEqual([
      [2, '1 columns instead of 2'],
      [3, 'broken quotes'],
      [4, '3 columns instead of 2'],
      [5, 'invalid UTF-8'],
      [6, 'line of over 65536 bytes'],
    ]);
  });

  it('joins lines that a chunk of the file cuts, however long the file', async () => {
    const lines = Array.from({ length: MINUTE_MS }, (_, i) => `${i},value ${i}`);
    const { rows, bad } = await read(`a,b\n${lines.join('\n')}\n`);
    expect(bad).toEqual([]);
    expect(rows.length).toBe(lines.length);
    expect(rows.every(([, a, b], i) => `${a ?? ''},${b ?? ''}` === lines[i])).toBe(true);
  });

  it('does not keep a line without an end in memory', async () => {
    const { rows, bad } = await read(
      Buffer.concat([Buffer.from('a,b\n'), Buffer.alloc(8 << 20, 'x')]),
    );
    expect(rows).toEqual([]);
    expect(bad).toEqual([[2, 'line of over 65536 bytes']]);
  });

  it.each([
    ['an empty file', ''],
    ['another header', 'a;b\n1;2\n'],
    ['no header', '1,2\n'],
  ])('refuses %s, naming what it should begin with', async (_, content) => {
    await expect(read(content)).rejects.toMatchObject({
      code: 'MARQUEE_IMPORT_FILE',
      message: expect.stringContaining('begins with a,b') as string,
    });
  });

  it('names a file that is not there', async () => {
    const reading = readCsv(join(folder, 'none.csv'), ['a'], { row: () => 0, bad: () => 0 });
    await expect(reading).rejects.toMatchObject({
      code: 'MARQUEE_IMPORT_FILE',
      message: expect.stringContaining('none.csv') as string,
    });
  });

  it('gives the SHA-256 of the bytes', async () => {
    const { hash } = await read('a,b\n1,x\n');
    // printf 'a,b\n1,x\n' | sha256sum
    expect(hash).toBe('eccc6303d8ede5e5ec22d288b8350193f9eb907c93f49c78d5b1ff0af7ecd450');
  });
});
