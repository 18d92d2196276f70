import { ARCHIVE_FAILPOINTS } from '../../archive/failpoints.ts';
import type { ArchiveFailpointName } from '../../archive/failpoints.ts';
import { createFailpoints, FAILPOINTS } from '../../streams/runtime/failpoints.ts';
import type { Failpoint, FailpointName } from '../../streams/runtime/failpoints.ts';
import type { Config } from './config.ts';

/** The failpoints of every kind of process, as configured: a child inherits what is not its own. */
export function failpointsOf(config: Config): Failpoint<FailpointName | ArchiveFailpointName> {
  return createFailpoints(config.runtime.failpoints, [...FAILPOINTS, ...ARCHIVE_FAILPOINTS]);
}
