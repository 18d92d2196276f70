import type { z } from 'zod';

export interface SettingMeta {
  readonly env: string;
  readonly description: string;
  readonly secret: boolean;
}

/** Declares one leaf: the environment variable, what it means with its unit, and its parser. */
export function setting<T extends z.ZodType>(
  env: string,
  description: string,
  schema: T,
  options: { secret?: boolean } = {},
): T {
  return schema.meta({ env, description, secret: options.secret ?? false });
}
