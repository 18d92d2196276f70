import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../../cli/config/config.ts';
import { installPython } from '../../../cli/stack/install/python.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';

/** A peer that is a Python package: Pathway takes 1.6 GB, Feast 600 MB, implicit 150 MB, DuckDB 60 MB. */
export type PythonPeer = 'pathway' | 'duckdb' | 'implicit' | 'feast';

const requirementsOf = (peer: PythonPeer): string => join(import.meta.dirname, `${peer}.txt`);

export function pythonPeerVersion(peer: PythonPeer): string {
  return /==(\S+)/.exec(readFileSync(requirementsOf(peer), 'utf8'))?.[1] ?? '';
}

/** The `python` of an environment of the peer's own. */
export function installPythonPeer(peer: PythonPeer, progress: Progress): Promise<string> {
  return installPython(loadConfig(), `bench-${peer}`, requirementsOf(peer), progress);
}
