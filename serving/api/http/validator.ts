import { Ajv } from 'ajv';
import type { ErrorObject } from 'ajv';
import type { TSchema } from 'typebox';
import { ApiProblem } from './problem.ts';
import { BAD_QUERY } from './query-string.ts';
import type { ParsedQuery } from './query-string.ts';

/** Throws an ApiProblem that names the field; returns the value, its texts as what they stand for. */
export type Validate = (value: unknown) => unknown;

export interface Validators {
  /** Of a path or query string: all comes as text, and is turned into what the schema asks for. */
  text(schema: TSchema): Validate;
  /** Of JSON: what is no number is none. */
  json(schema: TSchema): Validate;
}

export function createValidators(): Validators {
  const options = { strict: false, allErrors: false, useDefaults: true, logger: false } as const;
  const texts = new Ajv({ ...options, coerceTypes: true });
  const values = new Ajv(options);
  return {
    text(schema) {
      const check = texts.compile(schema);
      return (value) => {
        const bad = (value as ParsedQuery)[BAD_QUERY];
        if (bad !== undefined) throw new ApiProblem('invalid_request', `the query: ${bad}`);
        if (!check(value)) throw problemOf(check.errors);
        return value;
      };
    },
    json(schema) {
      const check = values.compile(schema);
      return (value) => {
        if (value === undefined || value === null)
          throw new ApiProblem('invalid_request', 'the request has no body', {
            remedy: 'a JSON object, as application/json',
          });
        if (!check(value)) throw problemOf(check.errors);
        return value;
      };
    },
  };
}

function problemOf(errors: readonly ErrorObject[] | null | undefined): ApiProblem {
  const [error] = errors ?? [];
  if (error === undefined) return new ApiProblem('invalid_request', 'the request is not valid');
  const place = error.instancePath.slice(1).replaceAll('/', '.');
  const inside = (name: unknown): string => [place, String(name)].filter(Boolean).join('.');
  switch (error.keyword) {
    case 'additionalProperties': {
      const field = inside(error.params['additionalProperty']).slice(0, 100);
      return invalid(`${field} is not known here`, field);
    }
    case 'required': {
      const field = inside(error.params['missingProperty']);
      return invalid(`${field} is missing`, field);
    }
    case 'enum': {
      const allowed = error.params['allowedValues'] as readonly unknown[];
      return invalid(`${place} is none of ${allowed.join(', ')}`, place);
    }
    default:
      return invalid(`${place || 'the body'} ${error.message ?? 'is not valid'}`, place);
  }
}

function invalid(detail: string, field: string): ApiProblem {
  return new ApiProblem('invalid_request', detail, field === '' ? {} : { field });
}
