import { loadConfig } from '../config/config.ts';
import { print, printJson } from '../terminal/output.ts';
import { openStack } from './open.ts';

/** The command `marquee status`. Returns the exit code: 1 when a service is not up. */
export async function showStatus(flags: { readonly json?: boolean }): Promise<number> {
  const { progress, stack, config } = openStack();
  progress.close();
  const services = await stack.status();
  const { readerUrl } = loadConfig({ home: config.home }).postgres;
  if (flags.json === true) printJson({ home: config.home, readerUrl, parts: services });
  else {
    for (const { name, state, port, version, detail } of services) {
      const where = port === null ? '-' : `127.0.0.1:${port}`;
      const line = [name.padEnd(13), state.padEnd(8), where.padEnd(16), version ?? detail ?? ''];
      print(line.join(' ').trimEnd());
    }
    print(`\nhome          ${config.home}`);
    print(`read-only     ${readerUrl}\n              (./marquee psql opens it)`);
  }
  return services.every(({ state }) => state === 'up') ? 0 : 1;
}
