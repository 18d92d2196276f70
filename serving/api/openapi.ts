import type { TObject, TSchema } from 'typebox';
import type { AnswerSpec, RouteSpec } from './routes/route.ts';

const TAGS = [
  { name: 'recommendations', description: 'Lists of movies' },
  { name: 'events', description: 'What users do' },
  { name: 'operations', description: 'How the server is' },
];

/** The page at /openapi.json, from the same specifications that requests are held to. */
export function openApiDocument(specs: readonly RouteSpec[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const spec of specs) (paths[spec.path] ??= {})[spec.method.toLowerCase()] = operation(spec);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Marquee',
      version: '1',
      description: 'Recommendations, and the events that they are made from. See docs/api.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: TAGS,
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key of `marquee keys create`' },
      },
    },
  };
}

function operation(spec: RouteSpec): object {
  const parameters = [...parametersOf(spec.params, 'path'), ...parametersOf(spec.query, 'query')];
  return {
    operationId: spec.operationId,
    tags: [spec.tag],
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    security: spec.scope === null ? [] : [{ key: [] }, ...(spec.beacon === true ? [{}] : [])],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(spec.body === undefined ? {} : { requestBody: requestBody(spec) }),
    responses: Object.fromEntries(
      Object.entries(spec.answers).map(([status, answer]) => [status, response(answer)]),
    ),
  };
}

function parametersOf(schema: TObject | undefined, place: 'path' | 'query'): object[] {
  if (schema === undefined) return [];
  const required = new Set<string>(schema.required as readonly string[] | undefined);
  return Object.entries(schema.properties as Readonly<Record<string, TSchema>>).map(
    ([name, property]) => {
      const { description, ...rest } = plain(property) as { readonly description?: string };
      return {
        name,
        in: place,
        required: place === 'path' || required.has(name),
        ...(description === undefined ? {} : { description }),
        schema: rest,
      };
    },
  );
}

function requestBody(spec: RouteSpec): object {
  const schema = plain(spec.body);
  const content = { 'application/json': { schema } };
  return {
    required: true,
    content: spec.beacon === true ? { ...content, 'text/plain': { schema } } : content,
  };
}

function response({ description, content }: AnswerSpec): object {
  if (content === undefined) return { description };
  return {
    description,
    content: Object.fromEntries(
      Object.entries(content).map(([type, schema]) => [type, { schema: plain(schema) }]),
    ),
  };
}

/** The JSON of a schema, without what the library keeps beside it. */
function plain(schema: TSchema | undefined): object {
  return JSON.parse(JSON.stringify(schema)) as object;
}
