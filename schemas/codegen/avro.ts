import type { TopicModel } from './model.ts';

/** The schemas as text, exactly as they are registered, so that a look-up by text finds them. */
export function avroSource(topics: readonly TopicModel[]): string {
  const entries = topics.map((topic) => {
    const versions = topic.versions.map(({ version, json }) => {
      return `${version}: ${JSON.stringify(JSON.stringify(json))}`;
    });
    return `'${topic.name}': { ${versions.join(',\n')} }`;
  });
  return `
    /** Avro schemas by topic and version, as the JSON text that is registered. */
    export const AVRO_SCHEMAS = { ${entries.join(',\n')} } as const;
  `;
}
