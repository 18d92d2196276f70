import type { InstallContext, StackPlace } from '../install/install-once.ts';
import type { LaunchSpec } from '../host/process.ts';
import type { ServiceName } from './service-names.ts';
import type { StackState } from './state.ts';

/** A service's place in a home; its data lives in <home>/<name>. */
export interface ServiceContext {
  readonly home: string;
  readonly dataDir: string;
  readonly state: StackState;
  /** The folder into which `install` put its programs. */
  readonly programs: string;
  readonly java: string;
  /** One line for the user about something that isn't as usual. */
  readonly note: (text: string) => void;
}

/** One server of the stack. Functions throw MarqueeError; none of them knows of the others. */
export interface Service {
  readonly name: ServiceName;
  readonly needsJava: boolean;
  readonly stopSignal: NodeJS.Signals;
  readonly stopGraceMs: number;
  readonly readyWithinMs: number;
  /** True when `install` would take minutes: `up` then does it in the background. */
  isSlow?(place: StackPlace): boolean;
  /** Puts the programs into the cache and returns their folder. */
  install(context: InstallContext): Promise<string>;
  /** Makes the data folder where it is missing, and the config files; says what to start. */
  configure(context: ServiceContext): Promise<LaunchSpec>;
  /** One real request over the server's protocol; the version that it runs, or a throw. */
  health(context: Pick<ServiceContext, 'state'>): Promise<string>;
  /** Gives a healthy server what it needs before it can be used: roles, a bucket. Idempotent. */
  bootstrap?(context: ServiceContext): Promise<void>;
}
