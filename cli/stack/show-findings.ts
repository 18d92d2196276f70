import { loadConfig } from '../config/config.ts';
import { print, printJson } from '../terminal/output.ts';
import { diagnose } from './doctor.ts';

const marks = { good: 'ok', poor: '--', missing: '!!' } as const;

/** The command `marquee doctor`. Returns the exit code: 1 when something is missing. */
export function showFindings(flags: { readonly json?: boolean }): number {
  const findings = diagnose(loadConfig());
  if (flags.json === true) printJson(findings);
  else
    for (const { name, state, detail, remedy } of findings) {
      print(`${marks[state]} ${name.padEnd(13)} ${detail}`);
      if (remedy !== null) print(`${' '.repeat(17)}${remedy}`);
    }
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}
