import { migrate } from '../../sql/migrate.ts';
import { loadConfig } from '../config/config.ts';
import { print } from '../terminal/output.ts';

/** The command `marquee migrate`. */
export async function migrateDatabase(options: {
  readonly dryRun?: boolean;
  readonly url?: string;
}): Promise<void> {
  const { dryRun = false, url = loadConfig().postgres.migratorUrl } = options;
  const { applied, views, version } = await migrate({ url, dryRun, log: print });
  if (dryRun) for (const name of applied) print(`would apply ${name}`);
  for (const name of views) print(`${dryRun ? 'would make' : 'made'} view ${name}`);
  print(
    applied.length + views.length === 0
      ? `up to date at migration ${version}`
      : `database at migration ${version}`,
  );
}
