import pino from 'pino';
import type { Logger } from 'pino';

/** Lines of JSON on standard error. */
export function createLog(level: string): Logger {
  return pino({ level, base: { pid: process.pid } }, pino.destination(2));
}
