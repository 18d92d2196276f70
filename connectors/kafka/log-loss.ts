import type { LogBounds } from './port.ts';

/** Why the log no longer has what a partition is to be read from. */
export type LogLoss = string;

export const TOPIC_REPLACED: LogLoss = 'topic gone or made again';

/** Undefined for an offset that the log has, or will have next. */
export function lossOutside({ start, end }: LogBounds, offset: number): LogLoss | undefined {
  return offset < start || offset > end ? `the log holds ${start} to ${end}` : undefined;
}

/** For `offsetOutOfLog` of the port. */
export function describeLoss(offset: number, loss: LogLoss): string {
  return `asked for offset ${offset}: ${loss}`;
}
