import type { ProducerIdentity } from './metadata-loader.ts';
import type { ProducerMetadata } from './metadata.ts';
import type { RecordAccumulator } from './record-accumulator.ts';

/**
 * The identity to write under. It changes only while no request is under way that bears it, and all
 * sequences begin anew with it.
 */
export interface IdentityRenewal {
  /** The broker has lost track of the identity, or a sequence is left out for good. */
  renewSoon(): void;
  /** Null while there is none, or while an old one has to go. */
  current(): ProducerIdentity | null;
}

/** `inUse` says whether requests are under way. */
export function createIdentityRenewal(
  metadata: Pick<ProducerMetadata, 'identity' | 'renewIdentity'>,
  accumulator: Pick<RecordAccumulator, 'restartSequences'>,
  inUse: () => boolean,
): IdentityRenewal {
  let due = false;
  return {
    renewSoon() {
      due = true;
    },
    current() {
      if (due) {
        if (inUse()) return null;
        due = false;
        accumulator.restartSequences();
        metadata.renewIdentity();
      }
      return metadata.identity();
    },
  };
}
