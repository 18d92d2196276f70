import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarqueeError } from '../../../../common/error.ts';
import { DEFAULT_SURFACES } from '../../../../serving/surfaces/default-surfaces.ts';
import {
  SURFACES_BYTES_MAX,
  parseSurfaces,
  surfaceNamed,
} from '../../../../serving/surfaces/surfaces-file.ts';
import type { Surface } from '../../../../serving/ranking/surface.ts';

const parse = (text: string) => parseSurfaces(Buffer.from(text));
const home = (text: string): Surface => parse(`surfaces:\n  home:\n    ${text}\n`).default;

function faultsOf(text: string | Buffer): string[] {
  try {
    parseSurfaces(Buffer.from(text));
  } catch (error) {
    expect(error).toBeInstanceOf(MarqueeError);
    expect((error as MarqueeError).code).toBe('MARQUEE_SURFACES_INVALID');
    return (error as MarqueeError).message.split('\n');
  }
  return [];
}

const FAULTY = `default: hom
blocked: [0, 5]
surfaces:
  home:
    limt: 10
    limit: 1000
    filter:
      genres: {any: Comedy, non: [x]}
      years: {from: 2000, to: 1990}
    boosts:
      genres: {Comedy: 2}
      movies: {abc: 1, 5: x}
    pins:
      - {movie: 6, position: 1, from: 2026-12-01, until: 2026-11-30}
      - {movie: 6, position: 1}
      - {movie: 6}
      - {movie: 7, position: 1.5, from: tomorrow}
    reserved:
      - {slots: 3, of: 2, movies: [5]}
    seen: hidden
    diversity: {kind: mmx}
    diversity: none
    exploration: {share: 0.9}
  Bad_Name: {}
  list: [1]
  blocked:
    blocked: [7]
    pins: [{movie: 7, position: 2}]
`;

describe('a file with faults', () => {
  it('is told all of them at once, each with its line and what is expected', () => {
    const ofHome = 'surfaces.home';
    expect(faultsOf(FAULTY)).toEqual(
      [
        '1: default: is hom, and there is no such surface; did you mean home?',
        '2: blocked[0]: is 0; expected a movie id: a whole number from 1',
        `5: ${ofHome}.limt: is not known here; did you mean limit?`,
        `6: ${ofHome}.limit: is 1000; expected a whole number from 1 to 100`,
        `8: ${ofHome}.filter.genres.any: is "Comedy"; expected a list`,
        `8: ${ofHome}.filter.genres.non: is not known here; did you mean none?`,
        `9: ${ofHome}.filter.years: is from 2000 to 1990; expected from before to`,
        `11: ${ofHome}.boosts.genres.Comedy: is 2; expected a number from -1 to 1`,
        `12: ${ofHome}.boosts.movies.5: is "x"; expected a number from -1 to 1`,
        `12: ${ofHome}.boosts.movies.abc: is no key that may stand here; expected a movie id: a whole number from 1`,
        `14: ${ofHome}.pins[0].until: is 2026-11-30; expected a date after from, which is 2026-12-01`,
        `15: ${ofHome}.pins[1].movie: is 6, as in pins[0] at the same time; expected another, or other dates`,
        `16: ${ofHome}.pins[2].position: is missing; expected a whole number from 1 to 100`,
        `17: ${ofHome}.pins[3].position: is 1.5; expected a whole number from 1 to 100`,
        `17: ${ofHome}.pins[3].from: is "tomorrow"; expected a date such as 2026-12-24, or a time such as 2026-12-24T18:00:00Z`,
        `19: ${ofHome}.reserved[0].slots: is 3; expected at most 1: there are 2 places and 1 movies`,
        `20: ${ofHome}.seen: is "hidden"; expected one of hide, demote, show`,
        `21: ${ofHome}.diversity.kind: is "mmx"; expected one of none, mmr, most_per_genre`,
        `22: ${ofHome}.diversity: stands here twice`,
        `23: ${ofHome}.exploration.share: is 0.9; expected a number from 0 to 0.5`,
        '24: surfaces.Bad_Name: is no key that may stand here; expected a name of a to z, 0 to 9 and -, at most 64 characters',
        '25: surfaces.list: is a list; expected a map',
        '28: surfaces.blocked.pins[0].movie: is 7, which is blocked or excluded; expected one that may be shown',
      ].map((line) => `surfaces.yaml:${line}`),
    );
  });

  it.each([
    ['', '1: is empty; expected surfaces'],
    ['surfaces:\n', '1: surfaces: is empty; expected a map'],
    ['surfaces: {}\n', '1: surfaces: has 0 entries; expected 1 to 64'],
    ['surfaces:\n  home:\n\tlimit: 1\n', '3: is no YAML: Tabs are not allowed as indentation'],
    ['surfaces: {home: {seen: !x hide}}', '1: is no YAML: Unresolved tag: !x'],
    [
      'surfaces:\n  home: &a {}\n  mail: *a\n',
      '3: surfaces.mail: is an alias (*): write out what it stands for',
    ],
    ['surfaces: {home: {}, __proto__: {}}', '1: surfaces.__proto__: is not known here'],
    ['['.repeat(20_000), '1: is nested too deep'],
    [Buffer.from([0x61, 0xff]), '1: is not UTF-8'],
    ['#'.repeat(SURFACES_BYTES_MAX + 1), '1: has 262145 bytes; expected 262144 at most'],
  ])('%#: %s', (text, expected) => {
    expect(faultsOf(text)[0]).toContain(`surfaces.yaml:${expected}`);
  });

  it('is told pins that want one place or one movie at one time, and no others', () => {
    const pins = (...given: string[]): string[] =>
      faultsOf(`surfaces: {home: {pins: [${given.join(', ')}]}}`);
    const first = '{movie: 1, position: 1, until: 2026-12-01}';
    expect(pins(first, '{movie: 2, position: 1, from: 2026-12-01}')).toEqual([
      'surfaces.yaml:1: surfaces.home.pins[1].position: is 1, as in pins[0] at the same time; ' +
        'expected another, or other dates',
    ]);
    expect(pins(first, '{movie: 2, position: 1, from: 2026-12-02}')).toEqual([]);
    expect(pins(first, '{movie: 1, position: 2}')[0]).toContain('pins[1].movie: is 1, as in');
  });

  it('lists no more faults than somebody reads', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `  k${i}: 1\n`).join('');
    const faults = faultsOf(`surfaces:\n${names}`);
    expect(faults).toHaveLength(101);
    expect(faults[100]).toBe('surfaces.yaml: and 19902 more');
  });

  it('is refused as invalid whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
        expect(faultsOf(text).length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('a good file', () => {
  it('gives what it says, and defaults for the rest', () => {
    const { version, ...rest } = home('limit: 7\n    seen: show');
    expect(version).toMatch(/^[0-9a-f]{12}$/);
    expect(rest).toEqual({
      name: 'home',
      limit: 7,
      filter: { genresAny: [], genresNone: [], yearFrom: null, yearTo: null },
      blocked: new Set(),
      boosts: { genres: new Map(), movies: new Map() },
      pins: [],
      reserved: [],
      seen: 'show',
      impressionDiscount: 0.8,
      popularityExponent: 0,
      diversity: { kind: 'none' },
      exploration: { share: 0, fromPosition: 5, pool: 100 },
    });
  });

  it('blocks on every surface what is blocked for all, and what a filter excludes', () => {
    const { byName } = parse(
      'blocked: [9]\nsurfaces: {home: {blocked: [8], filter: {exclude: [7]}}, mail: }\n',
    );
    expect(byName.get('home')?.blocked).toEqual(new Set([7, 8, 9]));
    expect(byName.get('mail')?.blocked).toEqual(new Set([9]));
  });

  it('takes dates with their last day, and times as they are', () => {
    const { pins } = home(
      'pins: [{movie: 1, position: 1, from: 2026-12-01, until: 2026-12-24}, ' +
        '{movie: 2, position: 2, from: "2026-12-01T10:00:00+01:00"}]',
    );
    expect(pins.map(({ from, until }) => [from, until])).toEqual([
      [Date.UTC(2026, 11, 1), Date.UTC(2026, 11, 25)],
      [Date.UTC(2026, 11, 1, 9), null],
    ]);
  });

  it('has the default that it names', () => {
    const surfaces = parse('default: mail\nsurfaces: {home: {}, mail: {limit: 3}}');
    expect(surfaceNamed(surfaces, null)?.limit).toBe(3);
    expect(surfaceNamed(surfaces, 'home')?.limit).toBe(20);
    expect(surfaceNamed(surfaces, 'homf')).toBeNull();
  });

  it('is what Marquee brings along', () => {
    expect([...parse(DEFAULT_SURFACES).byName.keys()]).toEqual(['home', 'detail']);
  });
});

describe('the version of a surface', () => {
  it('is one for all ways to write the same', () => {
    const version = home('blocked: [3, 1, 2]\n    boosts: {genres: {Comedy: 0.5}}').version;
    expect(
      home('boosts: {genres: {comedy: 0.5, Drama: 0}}\n    blocked: [1, 2, 3, 3]').version,
    ).toBe(version);
    expect(
      home('limit: 20\n    boosts: {genres: {Comedy: .5}}\n    blocked: [1, 3, 2]').version,
    ).toBe(version);
  });

  it('changes with every setting', () => {
    const texts = [
      'limit: 21',
      'filter: {genres: {any: [A]}}',
      'filter: {genres: {none: [A]}}',
      'filter: {years: {from: 2000}}',
      'filter: {years: {to: 2000}}',
      'blocked: [1]',
      'boosts: {genres: {A: 1}}',
      'boosts: {movies: {1: 1}}',
      'pins: [{movie: 1, position: 1}]',
      'pins: [{movie: 1, position: 1, until: 2026-12-01}]',
      'reserved: [{slots: 1, of: 2, movies: [1, 2]}]',
      'reserved: [{slots: 1, of: 2, movies: [2, 1]}]',
      'seen: show',
      'impression_discount: 1',
      'popularity_exponent: -0.1',
      'diversity: {kind: mmr}',
      'diversity: {kind: most_per_genre, most: 3}',
      'exploration: {share: 0.1}',
      'exploration: {from: 6}',
      'exploration: {pool: 6}',
    ];
    const versions = ['limit: 20', ...texts].map((text) => home(text).version);
    expect(new Set(versions).size).toBe(texts.length + 1);
  });
});
