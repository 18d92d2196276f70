import type { TopicDeclaration, TopicModel } from './model.ts';
import { DAY_MS, HOUR_MS } from '../../common/time.ts';

const UNITS: Readonly<Record<string, number>> = { h: HOUR_MS, d: DAY_MS };

/** Reads one topics/<name>.yaml. Throws with file and key for what it does not understand. */
export function parseTopic(name: string, yaml: Record<string, unknown>): TopicDeclaration {
  const fail = (key: string, want: string): never => {
    throw new Error(`topics/${name}.yaml: ${key} is ${JSON.stringify(yaml[key])}: ${want}`);
  };
  const text = (key: string): string => {
    const value = yaml[key];
    return typeof value === 'string' && value !== '' ? value : fail(key, 'text expected');
  };
  const whole = (key: string): number => {
    const value = yaml[key];
    return typeof value === 'number' && Number.isInteger(value) && value > 0
      ? value
      : fail(key, 'a whole number from 1 expected');
  };
  const oneOf = <const W extends string>(key: string, words: readonly W[]): W => {
    return words.find((word) => word === yaml[key]) ?? fail(key, `one of ${words.join(', ')}`);
  };
  const list = (key: string): string[] => {
    const value = yaml[key];
    return Array.isArray(value) ? value.map(String) : fail(key, 'a list expected');
  };
  if (yaml['name'] !== name) fail('name', 'the name of the file expected');
  return {
    name,
    record: text('record'),
    key: text('key'),
    partitions: whole('partitions'),
    timestampType: oneOf('timestampType', ['LogAppendTime', 'CreateTime']),
    cleanup: oneOf('cleanup', ['delete', 'compact']),
    retentionMs: parseRetention(text('retention')) ?? fail('retention', '36h, 7d or forever'),
    maxMessageBytes: whole('maxMessageBytes'),
    compatibility: oneOf('compatibility', ['BACKWARD_TRANSITIVE', 'FULL_TRANSITIVE']),
    producers: list('producers'),
  };
}

function parseRetention(text: string): number | null {
  if (text === 'forever') return -1;
  const match = /^(\d+)([hd])$/.exec(text);
  return match ? Number(match[1]) * (UNITS[match[2] as string] as number) : null;
}

export function topicsSource(topics: readonly TopicModel[]): string {
  const rows = topics.map(({ versions, ...declaration }) => {
    const row = {
      ...declaration,
      subject: `${declaration.name}-value`,
      versions: versions.map(({ version }) => version),
    };
    return `'${declaration.name}': ${JSON.stringify(row)}`;
  });
  return `
    /** How a topic is made, and who writes it. */
    export interface Topic {
      readonly name: TopicName;
      /** The record in its values. */
      readonly record: string;
      readonly key: string;
      readonly partitions: number;
      readonly timestampType: 'LogAppendTime' | 'CreateTime';
      readonly cleanup: 'delete' | 'compact';
      /** Milliseconds; -1 is for ever. */
      readonly retentionMs: number;
      readonly maxMessageBytes: number;
      readonly compatibility: string;
      readonly producers: readonly string[];
      /** The registry's subject of its values. */
      readonly subject: string;
      /** Versions of its schema in schemas/avro, oldest first. */
      readonly versions: readonly number[];
    }

    export type TopicName = ${topics.map((topic) => `'${topic.name}'`).join(' | ')};

    export const TOPICS: Readonly<Record<TopicName, Topic>> = { ${rows.join(',\n')} };
  `;
}
