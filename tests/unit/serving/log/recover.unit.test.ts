import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeServedList } from '../../../../schemas/serve-parts.ts';
import { createRecentRecords } from '../../../../serving/log/recent-records.ts';
import { createFrameBuffer } from '../../../../serving/log/encode-record.ts';
import { recoverSpool } from '../../../../serving/log/recover.ts';
import { createServeLog } from '../../../../serving/log/serve-log.ts';
import { openProgress, segmentPath } from '../../../../serving/log/spool-files.ts';
import { createSpoolReader } from '../../../../serving/log/spool-reader.ts';
import { fullServe } from '../../../support/serves.ts';
import { KAFKA_AWAY, memoryLog, spoolFolder } from '../../../support/serving/spool.ts';

/** A segment's bytes, and where each of its records ends. */
function segmentOf(first: number, count: number, movies = 20): { bytes: Buffer; ends: number[] } {
  const buffer = createFrameBuffer(createRecentRecords());
  const ends = Array.from({ length: count }, (_, n) => {
    buffer.add(fullServe(first + n, movies), encodeServedList(fullServe(first + n, movies)));
    return buffer.used;
  });
  return { bytes: Buffer.from(buffer.bytes.subarray(0, buffer.used)), ends };
}

async function readAll(folder: string, leftover: Awaited<ReturnType<typeof recoverSpool>>) {
  const reader = createSpoolReader(folder, leftover.segments, leftover.start, 1_024);
  const users: string[] = [];
  let damaged = 0;
  for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) {
    users.push(...chunk.frames.map(({ key }) => key.toString()));
    damaged += chunk.damaged;
  }
  await reader.close();
  return { users, damaged };
}

const users = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `user-${from + n}`);

describe('what an earlier process left', () => {
  it('is read in order from the place that was acknowledged on', async () => {
    const folder = spoolFolder();
    const [one, two, three] = [segmentOf(0, 5), segmentOf(5, 5), segmentOf(10, 3, 400)];
    writeFileSync(segmentPath(folder, 3), one.bytes);
    writeFileSync(segmentPath(folder, 4), two.bytes);
    writeFileSync(segmentPath(folder, 6), three.bytes);
    const place = { segment: 4, offset: two.ends[1] ?? 0 };
    const leftover = await recoverSpool(folder, place);
    expect(leftover).toMatchObject({ records: 6, torn: 0, nextSegment: 7, foreign: [] });
    expect(leftover.bytes).toBe(two.bytes.length - place.offset + three.bytes.length);
    expect(await readAll(folder, leftover)).toEqual({ users: users(7, 13), damaged: 0 });
    // What was acknowledged as a whole is gone.
    expect(() => statSync(segmentPath(folder, 3))).toThrow(/ENOENT/);
  });

  it('loses a torn end, which is cut off and counted', async () => {
    const folder = spoolFolder();
    const { bytes, ends } = segmentOf(0, 5);
    writeFileSync(segmentPath(folder, 1), bytes.subarray(0, bytes.length - 1));
    const leftover = await recoverSpool(folder, null);
    expect(leftover).toMatchObject({ records: 4, torn: 1 });
    expect(statSync(segmentPath(folder, 1)).size).toBe(ends[3]);
    expect(await readAll(folder, leftover)).toEqual({ users: users(0, 4), damaged: 0 });
  });

  it('goes on behind damage, and counts it', async () => {
    const folder = spoolFolder();
    const { bytes, ends } = segmentOf(0, 9);
    bytes[(ends[4] ?? 0) + 11] = 0xff;
    writeFileSync(segmentPath(folder, 1), bytes);
    const leftover = await recoverSpool(folder, null);
    const expected = [...users(0, 5), ...users(6, 9)];
    const { users: found, damaged } = await readAll(folder, leftover);
    expect(found).toEqual(expected);
    expect(damaged).toBeGreaterThan(0);
  });

  it('is all sent again where nobody knows how far it was acknowledged', () => {
    const folder = spoolFolder();
    const progress = openProgress(folder);
    expect(progress.read()).toBeNull();
    progress.write({ segment: 7, offset: 2 ** 33 });
    expect(progress.read()).toEqual({ segment: 7, offset: 2 ** 33 });
    progress.close();
    const path = join(folder, 'progress');
    for (const at of readFileSync(path).keys()) {
      const bytes = readFileSync(path);
      bytes[at] = (bytes[at] as number) ^ 1;
      writeFileSync(join(folder, 'progress'), bytes);
      const damaged = openProgress(folder);
      expect(damaged.read()).toBeNull();
      damaged.write({ segment: 7, offset: 9 });
      damaged.close();
    }
  });

  it('with a place beyond the file has nothing left in it', async () => {
    const folder = spoolFolder();
    const { bytes } = segmentOf(0, 2);
    writeFileSync(segmentPath(folder, 1), bytes);
    const leftover = await recoverSpool(folder, { segment: 1, offset: bytes.length + 100 });
    expect(leftover).toMatchObject({ records: 0, bytes: 0, torn: 0 });
    expect(await readAll(folder, leftover)).toEqual({ users: [], damaged: 0 });
  });
});

describe('a serve log', () => {
  it('keeps over a restart what nobody acknowledged, and names files of others', async () => {
    const folder = spoolFolder();
    appendFileSync(join(folder, 'notes.txt'), 'mine');
    const log = memoryLog();
    const first = await createServeLog({ folder, kafka: KAFKA_AWAY, log });
    await Promise.all(Array.from({ length: 100 }, (_, n) => first.append(fullServe(n))));
    expect(first.counts()).toMatchObject({ appended: 100, waitingRecords: 100, acknowledged: 0 });
    expect(first.counts().oldestWaitingMs).toBeLessThan(60_000);
    const second = createServeLog({ folder, kafka: KAFKA_AWAY, log });
    await expect(second).rejects.toMatchObject({ code: 'MARQUEE_SPOOL_IN_USE' });
    await first.close({ timeoutMs: 0 });
    const third = await createServeLog({ folder, kafka: KAFKA_AWAY, log });
    expect(third.counts()).toMatchObject({ recovered: 100, waitingRecords: 100, lost: 0 });
    expect(third.counts().waitingBytes).toBe(first.counts().waitingBytes);
    await third.close({ timeoutMs: 0 });
    const foreign = log.said.filter(({ event }) => event === 'serve_log_foreign_files');
    expect(foreign).toMatchObject([{ files: ['notes.txt'] }, { files: ['notes.txt'] }]);
    expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('says what is wrong with a folder that it does not get', async () => {
    const file = join(spoolFolder(), 'file');
    writeFileSync(file, '');
    const opened = createServeLog({ folder: file, kafka: KAFKA_AWAY, log: memoryLog() });
    await expect(opened).rejects.toMatchObject({ code: 'MARQUEE_SPOOL_FAILED' });
    await expect(opened).rejects.toThrow(file);
  });
});
