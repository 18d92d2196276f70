import {
  assertCompatible,
  assertGenerated,
  checkWithRegistry,
  pushSchemas,
  subjectsOfFolder,
} from '../../connectors/registry/subjects.ts';
import { loadConfig } from '../config/config.ts';
import { print } from '../terminal/output.ts';

/** The command `marquee schema check`. Returns the exit code: 1 when the registry objects. */
export async function checkSchemas(flags: { readonly offline?: boolean }): Promise<number> {
  const subjects = await subjectsOfFolder();
  assertCompatible(subjects);
  assertGenerated(subjects);
  print(`${subjects.length} subjects: every version reads all earlier ones`);
  if (flags.offline === true) return 0;
  const { url } = loadConfig().registry;
  const objections = await checkWithRegistry({ url, subjects });
  for (const { subject, objection } of objections) print(`${subject}: ${objection}`);
  if (objections.length > 0) return 1;
  print(`the registry at ${url} has no objection`);
  return 0;
}

/** The command `marquee schema push`. */
export async function pushAllSchemas(flags: { readonly dryRun?: boolean }): Promise<void> {
  const dryRun = flags.dryRun === true;
  const steps = await pushSchemas({ url: loadConfig().registry.url, dryRun });
  for (const { subject, action, detail } of steps)
    print(`${subject.padEnd(32)} ${action.replaceAll('_', ' ').padEnd(18)} ${detail}`);
  if (dryRun) print('nothing was changed (dry run)');
}
