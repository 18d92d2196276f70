import { uuidv7 } from '../../common/uuid.ts';

const NO_BITS = new Uint8Array(10);

/** The lowest UUIDv7 of that millisecond: all ids of that time or later sort at or above it. */
export const lowestUuidAt = (ms: number): Buffer => uuidv7(ms, NO_BITS);
