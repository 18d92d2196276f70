import type { TestProject } from 'vitest/node';
import { provision } from '../../cli/stack/provision.ts';
import { silentProgress } from '../../cli/terminal/progress.ts';
import { startStack } from './stack.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    marqueeHome: string;
    marqueeAdminUrl: string;
  }
}

/** One stack for all integration tests of a run: topics, schemas and tables are in place. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack();
  try {
    await provision(stack.config, silentProgress);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  project.provide('marqueeHome', stack.home);
  project.provide('marqueeAdminUrl', stack.adminUrl);
  return () => stack.stop();
}
