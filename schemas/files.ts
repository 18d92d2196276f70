import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One avro/<topic>/<n>.avsc as it stands in the folder. */
export interface SchemaFile {
  readonly topic: string;
  readonly version: number;
  /** Without white space: the text that is registered. */
  readonly text: string;
}

/** Reads the schemas of a folder laid out as schemas/avro, by topic and version, oldest first. */
export async function readSchemaFiles(
  folder = join(import.meta.dirname, 'avro'),
): Promise<SchemaFile[]> {
  const topics = (await readdir(folder)).toSorted();
  const files = await Promise.all(topics.map((topic) => readTopic(folder, topic)));
  return files.flat();
}

async function readTopic(folder: string, topic: string): Promise<SchemaFile[]> {
  const versions = (await readdir(join(folder, topic)))
    .filter((file) => /^[1-9]\d*\.avsc$/.test(file))
    .map((file) => Number(file.slice(0, -'.avsc'.length)))
    .toSorted((a, b) => a - b);
  return Promise.all(
    versions.map(async (version) => {
      const json = await readFile(join(folder, topic, `${version}.avsc`), 'utf8');
      return { topic, version, text: JSON.stringify(JSON.parse(json)) };
    }),
  );
}
