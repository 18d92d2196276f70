import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Node } from 'yaml';
import { showPath } from './fault.ts';
import type { Fault, Path } from './fault.ts';

/** A YAML document as plain values, and the line of each. */
export interface YamlContent {
  readonly value: unknown;
  /** Of the value, or of the nearest one around it that there is. */
  lineOf(path: Path): number;
  readonly faults: readonly Fault[];
}

const DEPTH_MAX = 12;

/**
 * YAML 1.2, core schema: dates are text. Aliases are refused, so that what is read is never larger than
 * the file. Keys that stand twice are looked for here: the package compares each with each.
 */
export function readYaml(text: string): YamlContent {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'core',
    uniqueKeys: false,
    version: '1.2',
  });
  const syntax = [...document.errors, ...document.warnings].slice(0, SYNTAX_MAX);
  if (syntax.length === 0) return toPlain(document.contents, lines);
  const faults = syntax.map(({ message, pos }) => ({
    line: lines.linePos(pos[0]).line,
    path: '',
    message: `is no YAML: ${message}`,
  }));
  // What else is said of it is the echo of the parser's end.
  const tooDeep = document.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (tooDeep)
    faults.splice(0, faults.length, { line: 1, path: '', message: 'is nested too deep' });
  return { value: undefined, lineOf: () => 1, faults };
}

const SYNTAX_MAX = 10;

function toPlain(contents: Node | null, lines: LineCounter): YamlContent {
  const found = new Map<string, number>();
  const faults: Fault[] = [];
  const lineAt = (node: Node | null): number | undefined =>
    node?.range ? lines.linePos(node.range[0]).line : undefined;

  const plain = (node: Node | null, path: Path, line: number): unknown => {
    const refuse = (message: string, at = path, on = line): undefined => {
      faults.push({ line: on, path: showPath(at), message });
      return undefined;
    };
    found.set(keyOf(path), line);
    if (path.length > DEPTH_MAX) {
      refuse('is nested too deep');
      return;
    }
    if (isScalar(node)) return typeof node.value === 'bigint' ? Number(node.value) : node.value;
    if (isSeq(node))
      return node.items.map((item, i) =>
        plain(item as Node, [...path, i], lineAt(item as Node) ?? line),
      );
    if (isAlias(node)) {
      refuse('is an alias (*): write out what it stands for');
      return;
    }
    if (!isMap(node)) return null;
    const entries = new Map<string, unknown>();
    for (const { key, value } of node.items) {
      const on = lineAt(key as Node | null) ?? line;
      if (!isScalar(key)) {
        refuse('has a key that is no name', path, on);
        continue;
      }
      const name = String(key.value);
      const inner = [...path, name];
      // The schema's package passes this one name over in silence.
      if (name === '__proto__') refuse('is not known here', inner, on);
      else if (entries.has(name)) refuse('stands here twice', inner, on);
      else entries.set(name, plain(value as Node | null, inner, on));
    }
    return Object.fromEntries(entries);
  };

  const value = plain(contents, [], 1);
  return {
    value,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const line = found.get(keyOf(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
    faults,
  };
}

function keyOf(path: Path): string {
  return path.join('\0');
}
