import pino from 'pino';
import type { Logger } from 'pino';

/** Lines of JSON on standard error. */
export function createLog(level: string): Logger {
  return pino({ level, base: { pid: process.pid } }, pino.destination(2));
}

/**
 * The log of a command that shows its progress itself: from warnings on, unless all was asked for.
 */
export function createQuietLog(level: string): Logger {
  return createLog(level === 'info' ? 'warn' : level);
}
