import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explainConfig, loadConfig } from '../../../../cli/config/config.ts';
import { exportsOf } from '../../../../cli/config/exports.ts';
import { hide } from '../../../../cli/config/show-config.ts';
import { MarqueeError } from '../../../../common/error.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'marquee-config-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const writeStack = (config: unknown): void => {
  writeFileSync(join(home, 'stack.json'), JSON.stringify({ config }));
};

describe('loadConfig', () => {
  it('prefers given values over the environment, over the stack, over defaults', () => {
    writeStack({ kafka: { brokers: ['stack:1'] }, registry: { url: 'http://stack:1' } });
    const environment = {
      MARQUEE_HOME: home,
      MARQUEE_KAFKA_BROKERS: 'env:1, env:2',
      MARQUEE_LOG_LEVEL: 'warn',
    };
    const config = loadConfig({ log: { level: 'debug' } }, environment);
    expect(config.log.level).toBe('debug');
    expect(config.kafka.brokers).toEqual(['env:1', 'env:2']);
    expect(config.registry.url).toBe('http://stack:1');
    expect(config.kafka.client).toBe('kafkajs');
  });

  it('says where each value comes from', () => {
    writeStack({ registry: { url: 'http://stack:1' } });
    const { entries } = explainConfig({ home }, { MARQUEE_KAFKA_BROKERS: 'env:1' });
    const source = (key: string) => entries.find((entry) => entry.key === key)?.source;
    expect(source('home')).toBe('given');
    expect(source('kafka.brokers')).toBe('environment');
    expect(source('registry.url')).toBe('stack');
    expect(source('kafka.client')).toBe('default');
  });

  it('is frozen in depth', () => {
    const config = loadConfig({ home }, {});
    expect(() => {
      (config.kafka.brokers as string[]).push('x');
    }).toThrow(TypeError);
  });

  it('lists every wrong value at once, by key and variable', () => {
    const environment = { MARQUEE_KAFKA_CLIENT: 'other', MARQUEE_PORT_KAFKA: '70000' };
    const load = () => loadConfig({ home }, environment);
    expect(load).toThrow(MarqueeError);
    expect(load).toThrow(/2 wrong value/);
    expect(load).toThrow(/kafka\.client \(MARQUEE_KAFKA_CLIENT, from environment\)/);
    expect(load).toThrow(/stack\.kafkaPort \(MARQUEE_PORT_KAFKA, from environment\)/);
  });

  it('refuses a stack.json that is not JSON, naming it', () => {
    writeFileSync(join(home, 'stack.json'), '{');
    expect(() => loadConfig({ home }, {})).toThrow(/stack\.json is not JSON/);
  });
});

describe('hide', () => {
  it('keeps a URL but not its password', () => {
    expect(hide({ secret: true, value: 'postgres://me:pw@host:1/db' })).toBe(
      'postgres://me:***@host:1/db',
    );
  });

  it('shows nothing of another secret, and all of what is none', () => {
    expect(hide({ secret: true, value: 'abc' })).toBe('***');
    expect(hide({ secret: false, value: ['a', 'b'] })).toBe('a,b');
  });
});

describe('exportsOf', () => {
  it("gives an analyst's settings under the names that psql and S3 clients know", () => {
    const config = loadConfig(
      {
        postgres: { readerUrl: 'postgres://reader:a%2Fb@db:5433/marquee' },
        objectStore: { endpoint: 'https://s3.test', accessKey: 'key', secretKey: "se'cret" },
      },
      { MARQUEE_HOME: home },
    );
    expect(exportsOf(config)).toEqual({
      AWS_ENDPOINT_URL: 'https://s3.test',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: "se'cret",
      AWS_REGION: 'us-east-1',
      MARQUEE_S3_BUCKET: 'marquee',
      PGHOST: 'db',
      PGPORT: '5433',
      PGUSER: 'reader',
      PGPASSWORD: 'a/b',
      PGDATABASE: 'marquee',
    });
  });
});
