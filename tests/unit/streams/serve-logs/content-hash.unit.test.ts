import { expect, test } from 'vitest';
import { hashToDecimal } from '../../../../common/hash.ts';
import { readExamples } from '../../../../schemas/examples.ts';
import type { Example } from '../../../../schemas/examples.ts';
import { serveLogs } from '../../../../streams/serve-logs/processor.ts';
import { createExampleDecoder } from '../../../support/examples.ts';

const examples = await readExamples('recommendation-serves.v1');
const decode = await createExampleDecoder(serveLogs);

function contentHash(example: Example): string {
  const [range] = decode(example).ledger;
  if (range?.accounts.ok.count !== 1) throw new Error(`${example.name} is not ok`);
  return hashToDecimal(range.accounts.ok.contentSum);
}

function named(name: string, version: number): Example {
  const example = examples.find((found) => found.name === name && found.version === version);
  if (example === undefined) throw new Error(`no example ${name} of version ${version}`);
  return example;
}

/** As ledgers have them from the time when version 1 was the newest. */
const BEFORE_VERSION_2 = {
  'empty-list': '72245505570385519131980598058675195653',
  'from-batch': '135219064342676409522956157392380444224',
  'from-cache': '299357460773950052783896656518853207532',
  'from-popular': '119930908619548736329259009670645384711',
  'from-similarity': '192967472959210432843995633858911854229',
  'with-experiment': '208357089620177589237183526911661807752',
};

test.each(Object.entries(BEFORE_VERSION_2))(
  'a serve of version 1 (%s) has the hash that it always had, also sent as version 2',
  (name, hash) => {
    const example = named(name, 1);
    expect(contentHash(example)).toBe(hash);
    expect(contentHash({ ...example, version: 2 })).toBe(hash);
  },
);

test('what version 2 added is hashed, each field of it', () => {
  const full = named('every-field', 2);
  const bare = named('no-field-added', 2);
  const added = ['surface_version', 'experiment', 'arm', 'after_request_id', 'first_position'];
  added.push('reasons', 'propensities', 'steps');
  const hashes = added.map((field) => {
    const said = (full.value as unknown as Record<string, unknown>)[field];
    return contentHash({ ...bare, value: { ...bare.value, [field]: said } as never });
  });
  expect(new Set([contentHash(bare), ...hashes]).size).toBe(added.length + 1);
});
