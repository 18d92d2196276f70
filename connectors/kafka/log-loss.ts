import type { LogBounds } from './port.ts';

/** The reason why a partition can't be read on: its log no longer has the offset. */
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
