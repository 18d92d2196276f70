import { loadConfig } from '../../../cli/config/config.ts';
import { findJava } from '../../../cli/stack/install/jars.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { copyLimit } from './copy-limit.ts';
import { marqueeSystem } from './marquee.ts';
import { debeziumSystem } from './debezium.ts';
import { installDebezium } from '../peers/jars.ts';
import { installPythonPeer } from '../peers/python.ts';
import { pathwaySystem } from './pathway.ts';
import type { System } from './system.ts';

/** What can be compared, in the order of a round. */
export const SYSTEMS: readonly string[] = [
  'copy',
  'copy2',
  'marquee',
  'pathway',
  'debezium-insert',
  'debezium-upsert',
];

/** Installs what the chosen systems need, side by side, and returns them in order. */
export async function installSystems(
  only: readonly string[],
  progress: Progress,
): Promise<System[]> {
  const wants = (name: string): boolean => only.some((wanted) => wanted.startsWith(name));
  const [python, jars] = await Promise.all([
    wants('pathway') ? installPythonPeer('pathway', progress) : '',
    wants('debezium') ? installDebezium(progress) : '',
  ]);
  const { javaHome } = loadConfig().stack;
  const makers: Readonly<Record<string, () => System>> = {
    copy: () => copyLimit(1),
    copy2: () => copyLimit(2),
    marquee: marqueeSystem,
    pathway: () => pathwaySystem(python),
    'debezium-insert': () => debeziumSystem(jars, findJava(javaHome), 'insert'),
    'debezium-upsert': () => debeziumSystem(jars, findJava(javaHome), 'upsert'),
  };
  return only.map((name) => {
    const make = makers[name];
    if (make === undefined) throw new Error(`No system ${name}; there are ${SYSTEMS.join(', ')}`);
    return make();
  });
}
