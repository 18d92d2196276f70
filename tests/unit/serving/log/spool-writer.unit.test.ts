import { readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseFrames } from '../../../../serving/log/frames.ts';
import { createLosses } from '../../../../serving/log/losses.ts';
import type { SpoolSegment } from '../../../../serving/log/spool-files.ts';
import { createFreshBytes } from '../../../../serving/log/fresh-bytes.ts';
import { createRecentRecords } from '../../../../serving/log/recent-records.ts';
import { createSpoolWriter, FILE_IO } from '../../../../serving/log/spool-writer.ts';
import type { SpoolIo } from '../../../../serving/log/spool-writer.ts';
import { fullServe } from '../../../support/serves.ts';
import { memoryLog, spoolFolder } from '../../../support/serving/spool.ts';

function openWriter(over: { io?: SpoolIo; bytesMax?: number; segmentBytes?: number } = {}) {
  const folder = spoolFolder();
  const log = memoryLog();
  const losses = createLosses(folder, log);
  const segments: SpoolSegment[] = [];
  const written: number[] = [];
  const writer = createSpoolWriter({
    folder,
    bytesMax: over.bytesMax ?? 1e9,
    segmentBytes: over.segmentBytes ?? 1e9,
    nextSegment: 7,
    segments,
    losses,
    recent: createRecentRecords(),
    fresh: createFreshBytes(0),
    io: over.io ?? FILE_IO,
    written: (records) => written.push(records),
  });
  /** Ids in the files, in the order of the files. */
  const inFiles = () =>
    readdirSync(folder)
      .toSorted()
      .flatMap((name) => parseFrames(readFileSync(join(folder, name)), true).frames)
      .map(({ value }) => value.toString('hex', 5, 21));
  return { folder, log, losses, segments, written, writer, inFiles };
}

const serves = (count: number) => Array.from({ length: count }, (_, n) => fullServe(n));
const idsOf = (records: readonly { readonly request_id: Buffer }[]) =>
  records.map(({ request_id: id }) => id.toString('hex'));

/** A disk that fails when told to, with the error of that code. */
function failingDisk() {
  const disk = { fails: null as string | null, writes: 0, opens: 0, bytesFirst: 0 };
  const fail = () => {
    if (disk.fails !== null)
      throw Object.assign(new Error(`${disk.fails}: injected`), { code: disk.fails });
  };
  const io: SpoolIo = {
    open(path) {
      disk.opens += 1;
      fail();
      return FILE_IO.open(path);
    },
    write(fd, bytes, from, to, at) {
      disk.writes += 1;
      if (disk.fails !== null && disk.bytesFirst > 0) {
        const some = Math.min(disk.bytesFirst, to - from);
        disk.bytesFirst = 0;
        return writeSync(fd, bytes, from, some, at);
      }
      fail();
      return FILE_IO.write(fd, bytes, from, to, at);
    },
  };
  return { disk, io };
}

describe('appending', () => {
  it('ends when the record stands in the file, by one write for all of a tick', async () => {
    const { disk, io } = failingDisk();
    const { writer, inFiles } = openWriter({ io });
    const records = serves(50);
    await Promise.all(records.map((record) => writer.append(record)));
    expect(inFiles()).toEqual(idsOf(records));
    expect(disk.writes).toBe(1);
    const last = fullServe(51);
    await writer.append(last);
    expect(inFiles()).toEqual(idsOf([...records, last]));
    expect(disk.writes).toBe(2);
  });

  it('goes on where a write took a part of the bytes', async () => {
    const { writer, inFiles } = openWriter({
      io: {
        ...FILE_IO,
        write: (fd, bytes, from, to, at) =>
          FILE_IO.write(fd, bytes, from, Math.min(to, from + 100), at),
      },
    });
    const records = serves(5);
    await Promise.all(records.map((record) => writer.append(record)));
    expect(inFiles()).toEqual(idsOf(records));
  });

  it('begins a new segment when one is large', async () => {
    const { writer, segments, inFiles } = openWriter({ segmentBytes: 2_000 });
    const records = serves(9);
    for (const record of records) await writer.append(record);
    expect(segments.map(({ number, sealed }) => [number, sealed])).toEqual([
      [7, true],
      [8, true],
      [9, false],
    ]);
    expect(inFiles()).toEqual(idsOf(records));
  });

  it('writes in the middle of a tick what would be much memory', async () => {
    const { writer, written } = openWriter();
    await Promise.all(Array.from({ length: 200 }, (_, n) => writer.append(fullServe(n, 1_000))));
    expect(written.length).toBeGreaterThan(1);
    expect(written.reduce((sum, records) => sum + records, 0)).toBe(200);
  });
});

describe('losses', () => {
  it('of a full spool are counted and told, and appending ends all the same', async () => {
    const { writer, losses, log, inFiles } = openWriter({ bytesMax: 5_000 });
    const records = serves(40);
    for (const record of records) await writer.append(record);
    const kept = inFiles();
    expect(kept).toEqual(idsOf(records).slice(0, kept.length));
    expect(kept.length).toBeGreaterThan(3);
    expect(losses.counts.full).toBe(40 - kept.length);
    const [said] = log.said;
    expect(said).toMatchObject({ level: 'error', event: 'serve_log_lost', reason: 'full' });
  });

  it.each(['ENOSPC', 'EIO'])('of %s leave whole records only, and end with it', async (code) => {
    const { disk, io } = failingDisk();
    const { writer, losses, segments, inFiles, folder } = openWriter({ io });
    const before = serves(3);
    await Promise.all(before.map((record) => writer.append(record)));
    disk.fails = code;
    disk.bytesFirst = 900;
    await Promise.all(serves(4).map((record) => writer.append(record)));
    // The disk is left alone for a moment.
    const tried = disk.writes + disk.opens;
    await writer.append(fullServe(1));
    expect(disk.writes + disk.opens).toBe(tried);
    expect(losses.counts.write).toBe(5);
    disk.fails = null;
    const after = serves(1);
    await expect
      .poll(async () => {
        await writer.append(after[0] as never);
        return inFiles().length;
      })
      .toBe(4);
    expect(inFiles()).toEqual(idsOf([...before, ...after]));
    expect(segments.map(({ bytes }) => bytes)).toEqual(
      readdirSync(folder)
        .toSorted()
        .map((name) => statSync(join(folder, name)).size),
    );
  });

  it('of a folder that takes no file are counted', async () => {
    const { disk, io } = failingDisk();
    const { writer, losses } = openWriter({ io });
    disk.fails = 'EROFS';
    await writer.append(fullServe(1));
    expect(losses.counts.write).toBe(1);
  });

  it('of a record that fits no schema leave its neighbours unharmed', async () => {
    const { writer, losses, inFiles } = openWriter();
    const records = serves(2);
    const bad = { ...fullServe(3), scores: ['1'] as never };
    await Promise.all([records[0], bad, records[1]].map((r) => writer.append(r as never)));
    expect(inFiles()).toEqual(idsOf(records));
    expect(losses.counts.encode).toBe(1);
  });

  it('after the end are counted', async () => {
    const { writer, losses, inFiles } = openWriter();
    const waiting = writer.append(fullServe(1));
    writer.close();
    await waiting;
    await writer.append(fullServe(2));
    expect(inFiles()).toHaveLength(1);
    expect(losses.counts.closed).toBe(1);
  });

  it('ring at once, and then once a second with all that came since', () => {
    vi.useFakeTimers();
    try {
      const log = memoryLog();
      const losses = createLosses('spool', log);
      for (let n = 0; n < 3; n += 1) losses.add('full', 10, 'x');
      expect(log.said).toMatchObject([{ records: 10, total: 10 }]);
      vi.advanceTimersByTime(1_000);
      losses.add('full', 1, 'x');
      vi.advanceTimersByTime(999);
      expect(log.said.slice(1)).toMatchObject([{ records: 20, total: 30 }]);
      vi.advanceTimersByTime(1);
      expect(log.said.slice(2)).toMatchObject([{ records: 1, total: 31 }]);
      vi.advanceTimersByTime(5_000);
      losses.add('write', 1, 'y');
      expect(log.said.slice(3)).toMatchObject([{ reason: 'write', records: 1 }]);
      losses.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});
