// Ends with 0 when node_modules holds every package of package-lock.json in its locked version.
// Plain JavaScript without imports from packages: it runs before there are any.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const root = process.argv[2] ?? '.';

/** @param {string} file @returns {Record<string, { version?: string; link?: boolean; optional?: boolean; dev?: boolean }>} */
function packagesOf(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
}

function isComplete() {
  const installed = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json'))
    .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.link && !entry.optional)
    .every(([path, entry]) => installed[path]?.version === entry.version);
}

try {
  process.exitCode = isComplete() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
