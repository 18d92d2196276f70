import { PROPERTIES, USER_ACTION_TEXT } from '../limits.ts';
import type { TextLimit } from '../limits.ts';
import type { AvroField, AvroRecord, AvroType, TopicModel } from './model.ts';
import { decodedName, localName, newest, unionName, valuesName } from './types.ts';

/** The knowledge of a plain reader beyond the schema. */
export interface PlainRules {
  readonly text: Readonly<Record<string, TextLimit>>;
  /** Fields that are asked for again and again: kept once they were made. */
  readonly kept: readonly string[];
  /** The function of `from` that gives null for a record whose fields keep all other rules. */
  readonly check: string;
  readonly from: string;
}

/** Topics where decoding bounds the throughput. */
const PLAIN_TOPICS: Readonly<Record<string, PlainRules>> = {
  'user-actions.v1': {
    text: USER_ACTION_TEXT,
    kept: ['event_id', 'user_id'],
    check: 'userActionRuleProblem',
    from: '../user-action.ts',
  },
};

/** A reader of plain records (plain-cursor.ts) for the newest version of each hot topic. */
export function plainReadersSource(topics: readonly TopicModel[]): string {
  const hot = topics.flatMap((topic) => {
    const rules = PLAIN_TOPICS[topic.name];
    return rules === undefined ? [] : [{ topic, rules, record: newest(topic) }];
  });
  const table = hot.map(({ topic, record }) => `'${topic.name}': read${className(record)}`);
  return `
    import { PlainCursor, createPlainWords, plainMap, plainText } from '../plain-cursor.ts';
    import { WIRE_HEADER_BYTES } from '../wire.ts';
    import type { TopicName } from './topics.ts';
    ${hot.map(({ record, rules }) => plainReaderSource(record, rules)).join('\n')}

    // One for all: reading is synchronous, and what was read is copied out of it.
    const cursor = new PlainCursor();

    /** By topic; null for what is not plain. \`value\` begins with its header. */
    export const PLAIN_READERS: {
      readonly [K in TopicName]?: (value: Buffer) => object | null;
    } = { ${table.join(',\n')} };
  `;
}

function className(record: AvroRecord): string {
  return `Plain${record.name}`;
}

export function plainReaderSource(record: AvroRecord, rules: PlainRules): string {
  const closed = record.fields.filter(({ values }) => values !== null);
  const fields = record.fields.map((field) => fieldCode(record, field, rules));
  const open = decodedName(record);
  const name = className(record);
  const types = [open, ...closed.map((field) => unionName(record, field))];
  const words = closed.map((field) => valuesName(record, field));
  return `
    import { ${rules.check} } from '${rules.from}';
    import { ${words.join(', ')} } from './types.ts';
    import type { ${types.join(', ')} } from './types.ts';

    ${closed.map((field) => wordsSource(record, field)).join('\n')}

    /** A plain ${record.name}: \`...At\` is where a field's bytes begin, length -1 is null. */
    export class ${name} implements ${open} {
      declare readonly bytes: Buffer;
      ${fields.map(({ members }) => members).join('\n')}

      constructor(c: PlainCursor) {
        this.bytes = c.bytes;
        ${fields.map(({ reads }) => reads).join('\n')}
      }

      ${fields.map(({ getter }) => getter ?? '').join('\n')}
    }

    export function read${name}(value: Buffer): ${name} | null {
      cursor.begin(value, WIRE_HEADER_BYTES);
      const read = new ${name}(cursor);
      return cursor.isWhole() && ${rules.check}(read) === null ? read : null;
    }
  `;
}

/** A field's part of its class; a field without a getter is read at once. */
interface FieldCode {
  readonly members: string;
  readonly reads: string;
  readonly getter?: string;
}

function fieldCode(record: AvroRecord, field: AvroField, rules: PlainRules): FieldCode {
  const { name } = field;
  const kept = rules.kept.includes(name);
  const inner = innerOf(field);
  switch (inner.kind) {
    case 'int':
    case 'long':
      return valueCode(field, 'number', 'c.long()');
    case 'double':
      return valueCode(field, 'number', 'c.double()');
    case 'fixed':
      return fixedCode(field, inner.size, kept);
    case 'string': {
      if (field.values !== null)
        return valueCode(field, unionName(record, field), `c.word(${wordsName(field)})`);
      const limit = rules.text[name];
      if (limit === undefined) throw new Error(`${name}: no bounds of its text for a plain reader`);
      return textCode(field, limit, kept);
    }
    case 'map':
      return mapCode(field, inner.values);
    default:
      return unsupported(field);
  }
}

function valueCode(field: AvroField, type: string, code: string): FieldCode {
  const nullable = isOptional(field) ? ' | null' : '';
  return {
    members: `declare readonly ${field.name}: ${type}${nullable};`,
    reads: `this.${field.name} = ${orElse(field, code, 'null')};`,
  };
}

function fixedCode(field: AvroField, size: number, kept: boolean): FieldCode {
  const at = `${localName(field.name)}At`;
  const view = `this.bytes.subarray(this.${at}, this.${at} + ${size})`;
  return {
    members: `declare readonly ${at}: number; ${keptMember(field, 'Buffer', kept)}`,
    reads: `this.${at} = ${orElse(field, `c.fixed(${size})`, '-1')};`,
    getter: getterCode(field, 'Buffer', `this.${at} < 0`, view, kept),
  };
}

function textCode(field: AvroField, { min, max }: TextLimit, kept: boolean): FieldCode {
  const local = localName(field.name);
  const [at, length] = [`this.${local}At`, `this.${local}Length`];
  const text = `plainText(this.bytes, ${at}, ${length})`;
  return {
    members: `declare readonly ${local}At: number; declare readonly ${local}Length: number;
      ${keptMember(field, 'string', kept)}`,
    reads: `${length} = ${orElse(field, `c.text(${min}, ${max})`, '-1')};
      ${at} = c.at - ${length};`,
    getter: getterCode(field, 'string', `${length} < 0`, text, kept),
  };
}

function mapCode(field: AvroField, values: AvroType): FieldCode {
  if (isOptional(field) || values.kind !== 'string') return unsupported(field);
  const local = localName(field.name);
  return {
    members: `declare readonly ${local}Count: number; declare readonly ${local}At: number;`,
    reads: `this.${local}Count = c.entries(${PROPERTIES.keyMax}, ${PROPERTIES.valueMax});
      this.${local}At = c.entriesAt;`,
    getter: `get ${field.name}(): Readonly<Record<string, string>> {
      return plainMap(this.bytes, this.${local}At, this.${local}Count);
    }`,
  };
}

function keptMember(field: AvroField, type: string, kept: boolean): string {
  return kept ? `#${localName(field.name)}: ${type} | undefined;` : '';
}

function getterCode(
  field: AvroField,
  type: string,
  isNull: string,
  made: string,
  kept: boolean,
): string {
  const code = kept ? `(this.#${localName(field.name)} ??= ${made})` : made;
  return isOptional(field)
    ? `get ${field.name}(): ${type} | null { return ${isNull} ? null : ${code}; }`
    : `get ${field.name}(): ${type} { return ${code}; }`;
}

function orElse(field: AvroField, code: string, none: string): string {
  return isOptional(field) ? `c.present() ? ${code} : ${none}` : code;
}

function isOptional({ type }: AvroField): boolean {
  return type.kind === 'optional';
}

function innerOf({ type }: AvroField): AvroType {
  return type.kind === 'optional' ? type.of : type;
}

function wordsSource(record: AvroRecord, field: AvroField): string {
  return `const ${wordsName(field)} = createPlainWords(${valuesName(record, field)});`;
}

function wordsName({ name }: AvroField): string {
  return `${name.toUpperCase()}_WORDS`;
}

function unsupported(field: AvroField): never {
  throw new Error(`${field.name}: no plain reader for ${innerOf(field).kind}`);
}
