import { loadConfig } from '../../../cli/config/config.ts';
import { findJava } from '../../../cli/stack/install/jars.ts';
import type { InstallContext } from '../../../cli/stack/install/install-once.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { copyLimit } from './copy-limit.ts';
import { installing } from '../runner/installing.ts';
import { marqueeSystem } from './marquee.ts';
import { debeziumSystem } from './debezium.ts';
import { installDebezium, installPathway } from '../peers/install.ts';
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
  const installPeer = installing(progress);
  const install = (name: string, body: (context: InstallContext) => Promise<string>) =>
    only.some((wanted) => wanted.startsWith(name)) ? installPeer(name, body) : '';
  const [python, jars] = await Promise.all([
    install('pathway', installPathway),
    install('debezium', installDebezium),
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
