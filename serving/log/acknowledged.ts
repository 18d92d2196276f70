import { unlinkSync } from 'node:fs';
import { segmentPath } from './spool-files.ts';
import type { ProgressFile, SpoolPosition, SpoolSegment } from './spool-files.ts';

/** What is read and not yet acknowledged, in the spool's order. */
export interface PieceUnderWay {
  readonly segment: SpoolSegment;
  readonly from: number;
  readonly to: number;
  /** Epoch ms of its oldest serve; null when it holds none. */
  readonly oldestMs: number | null;
  done: boolean;
}

/** Follows what Kafka acknowledged; keeps the place, and deletes segments that are done with. */
export interface Acknowledged {
  readonly bytesUnderWay: number;
  readonly underWay: readonly PieceUnderWay[];
  begin(piece: PieceUnderWay): void;
  /** Acknowledged is what is so from the beginning on. */
  done(piece: PieceUnderWay): void;
  /** Writes the place down. */
  stop(): void;
}

const PROGRESS_EVERY_MS = 200;

export function createAcknowledged(options: {
  readonly folder: string;
  readonly segments: SpoolSegment[];
  readonly progress: ProgressFile;
  /** The folder's files fail; nothing is lost by it, but a restart may send more again. */
  failed(error: unknown): void;
}): Acknowledged {
  const { segments } = options;
  const underWay: PieceUnderWay[] = [];
  let bytesUnderWay = 0;
  let place: SpoolPosition | null = null;
  let written: SpoolPosition | null = null;
  let timer: NodeJS.Timeout | null = null;

  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      options.failed(error);
    }
  }

  function writePlace(): void {
    timer = null;
    const now = place;
    if (now === null || now === written) return;
    written = now;
    attempt(() => {
      options.progress.write(now);
    });
  }

  function dropSegments(upTo: SpoolPosition): void {
    for (let first = segments[0]; first?.sealed === true; first = segments[0]) {
      const { number, bytes } = first;
      if (number > upTo.segment || (number === upTo.segment && upTo.offset < bytes)) return;
      segments.shift();
      attempt(() => {
        unlinkSync(segmentPath(options.folder, number));
      });
    }
  }

  return {
    get bytesUnderWay() {
      return bytesUnderWay;
    },
    underWay,
    begin(piece) {
      underWay.push(piece);
      bytesUnderWay += piece.to - piece.from;
    },
    done(piece) {
      piece.done = true;
      for (let first = underWay[0]; first?.done === true; first = underWay[0]) {
        underWay.shift();
        bytesUnderWay -= first.to - first.from;
        place = { segment: first.segment.number, offset: first.to };
        dropSegments(place);
      }
      timer ??= setTimeout(writePlace, PROGRESS_EVERY_MS);
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
      if (place !== null) dropSegments(place);
      writePlace();
    },
  };
}
