import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { explainConfig, loadConfig, repositoryRoot } from '../../../cli/config/config.ts';
import { versions } from '../../../cli/stack/install/versions.ts';

interface Service {
  readonly image: string;
  readonly ports?: readonly string[];
  readonly command?: string | readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

const text = readFileSync(join(repositoryRoot, 'compose.yaml'), 'utf8');
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };

/** The variables as Compose fills them where none is set. */
const filled = (value: string): string => value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

describe('compose.yaml', () => {
  it('gives Marquee settings that its configuration knows and accepts', () => {
    const environment = Object.fromEntries(
      Object.entries(services['processors']?.environment ?? {}).map(([key, value]) => [
        key,
        filled(String(value)),
      ]),
    );
    const known = explainConfig({}, {}).entries.map(({ env }) => env);
    for (const key of Object.keys(environment)) expect(known).toContain(key);
    const config = loadConfig({}, { ...environment, MARQUEE_HOME: '/nowhere' });
    expect(config.kafka.brokers).toEqual(['kafka:9092']);
    expect(services['init']?.environment).toEqual(services['processors']?.environment);
  });

  it('publishes on loopback only', () => {
    for (const { ports = [] } of Object.values(services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });

  it('runs the versions that the launcher runs', () => {
    expect(services['kafka']?.image).toBe(`apache/kafka:${versions.kafka}`);
    expect(services['registry']?.image).toMatch(new RegExp(`:${versions.registry}$`));
    expect(services['object-store']?.image).toMatch(
      new RegExp(`:${versions.seaweedWheel.version}$`),
    );
    const pom = readFileSync(join(repositoryRoot, 'cli/stack/install/pom.xml'), 'utf8');
    expect(pom.split(`<version>${versions.kafka}</version>`)).toHaveLength(3);
  });

  it('starts processors after what they need', () => {
    expect(Object.keys(services['init']?.depends_on ?? {})).toEqual([
      'kafka',
      'postgres',
      'registry',
    ]);
    expect(Object.keys(services['processors']?.depends_on ?? {})).toEqual(['init']);
  });
});
