import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarqueeError } from '../../common/error.ts';
import { hashOfDecimal } from '../../common/hash.ts';
import { mapConcurrent } from '../../common/map-concurrent.ts';
import { formatUuid } from '../../common/uuid.ts';
import type { ArchiveContext } from '../context.ts';
import {
  addChecksums,
  createChecksums,
  sameChecksums,
  subtractChecksums,
} from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import { mergedObject } from '../object-names.ts';
import { checksumsOfFile, mergeFiles } from './merge-files.ts';
import type { MergedFile } from './merge-files.ts';
import type { Merge, MergeInput, VerifiedMerge } from './merge-log.ts';

export type MergeContext = Pick<ArchiveContext, 'store' | 'settings' | 'failpoint'>;

const CONCURRENT_READS = 4;

/**
 * Merges the objects of `inputs` into one, through local files, and reads it back from the store.
 * It must hold the rows of the inputs, less the resends that were left out. The same inputs give
 * the same object. Throws MarqueeError MARQUEE_ARCHIVE_MISMATCH, MARQUEE_OBJECT_MISSING.
 */
export async function mergeObjects(
  context: MergeContext,
  merge: Merge,
  inputs: readonly MergeInput[],
): Promise<VerifiedMerge> {
  const path = mergedObject(context.settings.prefix, merge);
  const generation = Math.max(...inputs.map((input) => input.generation)) + 1;
  const folder = await mkdtemp(join(tmpdir(), 'marquee-merge-'));
  try {
    const local = await fetchInputs(context, inputs, folder);
    const output = join(folder, 'merged.parquet');
    const merged = await mergeFiles(local, output, {
      topic: merge.topic,
      metadata: {
        schema_version: 1,
        topic: merge.topic,
        merge: merge.id,
        merged_files: inputs.length,
        generation,
      },
    });
    context.failpoint('archive_merge_written');
    await context.store.putFile(path, output);
    context.failpoint('archive_merge_uploaded');
    const expected = expectedOf(inputs, merged);
    const verified = await verifyObject(context, path, merged, expected, folder);
    return { ...verified, path, generation, removed: merged.removed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Local files of the inputs, in their order. */
function fetchInputs(
  { store }: MergeContext,
  inputs: readonly MergeInput[],
  folder: string,
): Promise<string[]> {
  return mapConcurrent(inputs, CONCURRENT_READS, async (input) => {
    const file = join(folder, `${inputs.indexOf(input)}.parquet`);
    await store.getFile(input.path, file);
    if (!(await sha256Of(file)).equals(input.sha256))
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_MISMATCH',
        `${input.path}: SHA-256 differs from what was recorded. Nothing was merged. ` +
          'See `marquee audit`',
      );
    return file;
  });
}

function expectedOf(inputs: readonly MergeInput[], { removed }: MergedFile): Checksums {
  const expected = createChecksums();
  for (const { rows, id_sum, content_sum } of inputs)
    addChecksums(expected, {
      rows,
      id: hashOfDecimal(id_sum),
      content: hashOfDecimal(content_sum),
    });
  subtractChecksums(expected, removed);
  return expected;
}

async function verifyObject(
  { store }: MergeContext,
  path: string,
  { sha256, bytes }: MergedFile,
  expected: Checksums,
  folder: string,
) {
  const back = join(folder, 'back.parquet');
  await store.getFile(path, back);
  const wrong = (what: string) =>
    new MarqueeError(
      'MARQUEE_ARCHIVE_MISMATCH',
      `${path}: ${what}. Nothing was replaced. Look at the store; a rerun puts the object again`,
    );
  if (!(await sha256Of(back)).equals(sha256))
    throw wrong('the store gave back other bytes than were put there (SHA-256)');
  const { checksums, firstId, lastId } = await checksumsOfFile(back);
  if (!sameChecksums(checksums, expected))
    throw wrong(`${checksums.rows} rows, ${expected.rows} were expected, or their contents differ`);
  return { bytes, sha256, checksums, firstId: formatUuid(firstId), lastId: formatUuid(lastId) };
}

async function sha256Of(path: string): Promise<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest();
}
