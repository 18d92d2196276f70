import type { TestProject } from 'vitest/node';
import { startStack } from '../stack.ts';
import { SUITE_SERVICES, setUpEnvironment } from './environment.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    faultHome: string;
  }
}

/** One stack for the fault tests of a run, apart from the others': here servers are killed. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ services: SUITE_SERVICES });
  try {
    await setUpEnvironment(stack.config);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  project.provide('faultHome', stack.home);
  return () => stack.stop();
}
