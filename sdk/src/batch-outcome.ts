import { remedyOf } from '../../common/kafka/produce-errors.ts';

/** The meaning of a broker's answer for a batch. */
export type BatchOutcome =
  /** It is in the log, be it that an earlier try brought it there. */
  | { readonly kind: 'acknowledged' }
  /** The same batch again after a pause, once what it needs was asked for. */
  | {
      readonly kind: 'retry';
      readonly refreshMetadata: boolean;
      readonly renewIdentity: boolean;
    }
  /** Refused for its size: the halves are sent. */
  | { readonly kind: 'split' }
  | { readonly kind: 'fail'; readonly code: 'MARQUEE_EVENT_REFUSED' | 'MARQUEE_KAFKA_REFUSED' };

/** The outcome of a batch of so many records under an error code of the Kafka protocol. */
export function outcomeOf(errorCode: number, recordCount: number): BatchOutcome {
  const remedy = remedyOf(errorCode);
  switch (remedy) {
    case 'stored':
      return { kind: 'acknowledged' };
    case 'split':
      // One that is too large alone will not become smaller.
      if (recordCount > 1) return { kind: 'split' };
      return { kind: 'fail', code: 'MARQUEE_EVENT_REFUSED' };
    case 'fail':
      return { kind: 'fail', code: 'MARQUEE_KAFKA_REFUSED' };
    case 'retry':
    case 'refresh':
    case 'new_id':
      return {
        kind: 'retry',
        refreshMetadata: remedy === 'refresh',
        renewIdentity: remedy === 'new_id',
      };
  }
}
