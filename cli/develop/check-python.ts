import { join } from 'node:path';
import { repositoryRoot } from '../config/config.ts';
import { installPython } from '../stack/install/python.ts';
import type { Progress } from '../terminal/progress.ts';

/** The `python` that has ruff, pytest and what the pure transforms import (some 300 MB from PyPI). */
export function installCheckPython(
  place: { readonly cache: string },
  progress: Progress,
): Promise<string> {
  const requirements = join(repositoryRoot, 'batch', 'requirements-check.txt');
  return installPython(place, 'check', requirements, progress);
}
