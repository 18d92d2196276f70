import type { AvroField, AvroRecord, AvroType, TopicModel } from './model.ts';

/** Decoded form: uuid and bytes are Buffers, timestamps epoch milliseconds, maps plain objects. */
export function typesSource(topics: readonly TopicModel[]): string {
  const records = topics.map((topic) => newest(topic));
  const table = topics.map((topic) => `'${topic.name}': ${decodedName(newest(topic))};`);
  return `
    ${records.map(recordSource).join('\n')}

    /** The record that is read from each topic. */
    export interface TopicRecords { ${table.join('\n')} }
  `;
}

export function newest(topic: TopicModel): AvroRecord {
  const last = topic.versions.at(-1);
  if (!last) throw new Error(`${topic.name} has no version`);
  return last.record;
}

/** A record with closed words is read as strings, and narrowed by its validator. */
export function decodedName(record: AvroRecord): string {
  return record.fields.some((field) => field.values) ? `${record.name}Record` : record.name;
}

function recordSource(record: AvroRecord): string {
  const open = decodedName(record);
  const closed = record.fields.filter((field) => field.values);
  const fields = record.fields.map((field) => {
    return `${doc(field.doc)}\nreadonly ${field.name}: ${typeText(field.type)};`;
  });
  const about = open === record.name ? record.doc : `${record.doc} As read: not yet validated.`;
  const narrow = closed.map((field) => `readonly ${field.name}: ${unionName(record, field)};`);
  return `
    ${closed.map((field) => unionSource(record, field)).join('\n')}
    ${doc(about)}
    export interface ${open} { ${fields.join('\n')} }
    ${
      open === record.name
        ? ''
        : `${doc(record.doc)}\nexport interface ${record.name} extends ${open} { ${narrow.join('\n')} }`
    }
  `;
}

function unionSource(record: AvroRecord, field: AvroField): string {
  return `
    export const ${valuesName(record, field)} = ${JSON.stringify(field.values)} as const;
    export type ${unionName(record, field)} = (typeof ${valuesName(record, field)})[number];
  `;
}

/** The constant with a closed field's words: USER_ACTION_ACTION_VALUES. */
export function valuesName(record: AvroRecord, field: AvroField): string {
  return `${record.name}_${field.name}_values`
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toUpperCase();
}

/** The type of a closed field: UserActionAction. */
export function unionName(record: AvroRecord, field: AvroField): string {
  const words = field.name.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return record.name + words.join('');
}

/** A field's name in code: occurredAt for occurred_at. */
export function localName(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function typeText(type: AvroType): string {
  switch (type.kind) {
    case 'null':
    case 'boolean':
    case 'string':
      return type.kind;
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 'number';
    case 'bytes':
    case 'fixed':
      return 'Buffer';
    case 'array':
      return `readonly ${typeText(type.items)}[]`;
    case 'map':
      return `Readonly<Record<string, ${typeText(type.values)}>>`;
    case 'optional':
      return `${typeText(type.of)} | null`;
  }
}

function doc(text: string): string {
  return `/** ${text} */`;
}
