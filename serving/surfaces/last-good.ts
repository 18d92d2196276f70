import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileContent } from './file-content.ts';
import { SURFACES_BYTES_MAX } from './surfaces-file.ts';

/** The last file that was good, kept so that a restart doesn't depend on the one that is there. */
export interface LastGood {
  readonly file: string;
  load(): Promise<Buffer | null>;
  save(content: Uint8Array): Promise<void>;
}

export function openLastGood(folder: string): LastGood {
  const file = join(folder, 'surfaces.last-good.yaml');
  return {
    file,
    load: () => readFileContent(file, SURFACES_BYTES_MAX + 1),
    async save(content) {
      await mkdir(folder, { recursive: true });
      await writeFile(`${file}.part`, content);
      await rename(`${file}.part`, file);
    },
  };
}
