import { MarqueeError } from '../../common/error.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { readSchemaFiles } from '../../schemas/files.ts';
import { checkBackwardTransitive } from '../../schemas/compatibility.ts';
import { createRegistryClient } from './client.ts';
import type { RegistryClient, RegistryOptions } from './client.ts';

export interface Subject {
  readonly subject: string;
  readonly compatibility: string;
  /** JSON texts, oldest first. */
  readonly schemas: readonly string[];
}

export interface SubjectStep {
  readonly subject: string;
  readonly action: 'set_compatibility' | 'register' | 'unchanged';
  readonly detail: string;
}

export interface PushOptions extends RegistryOptions {
  /** By default every topic of schemas/. */
  readonly subjects?: readonly Subject[];
  /** Say what would be done, and do nothing. */
  readonly dryRun?: boolean;
}

/** The subjects of schemas/: one a topic, all its versions. */
export function declaredSubjects(): Subject[] {
  return (Object.keys(TOPICS) as TopicName[]).map((name) => {
    const { subject, compatibility, versions } = TOPICS[name];
    const texts: Readonly<Record<number, string>> = AVRO_SCHEMAS[name];
    return { subject, compatibility, schemas: versions.map((version) => texts[version] as string) };
  });
}

/**
 * The subjects of a folder laid out as schemas/avro: what a change is checked by before it is
 * generated from.
 */
export async function subjectsOfFolder(folder?: string): Promise<Subject[]> {
  const files = await readSchemaFiles(folder);
  const declared = declaredSubjects();
  return [...Map.groupBy(files, ({ topic }) => topic)].map(([topic, versions]) => {
    const subject = `${topic}-value`;
    const known = declared.find((candidate) => candidate.subject === subject);
    const compatibility = known?.compatibility ?? 'BACKWARD_TRANSITIVE';
    return { subject, compatibility, schemas: versions.map(({ text }) => text) };
  });
}

/** Throws MARQUEE_SCHEMA_STALE when what is compiled in is not what stands in the folder. */
export function assertGenerated(subjects: readonly Subject[]): void {
  const stale = declaredSubjects().filter(({ subject, schemas }) => {
    const found = subjects.find((candidate) => candidate.subject === subject);
    return found?.schemas.join('\n') !== schemas.join('\n');
  });
  if (stale.length === 0 && subjects.length === declaredSubjects().length) return;
  const names = stale.map(({ subject }) => subject).join(', ') || 'a topic without topics/*.yaml';
  throw new MarqueeError(
    'MARQUEE_SCHEMA_STALE',
    `schemas/generated is not made from schemas/avro (${names}). Run: node schemas/codegen.ts`,
  );
}

/**
 * Registers what is missing, each version in its order, under the declared compatibility.
 * Idempotent. Throws MARQUEE_SCHEMA_INCOMPATIBLE (field and rule named) before anything is sent,
 * MARQUEE_SCHEMA_REFUSED when the registry objects, MARQUEE_REGISTRY_UNAVAILABLE (retriable).
 */
export async function pushSchemas(options: PushOptions): Promise<SubjectStep[]> {
  const subjects = options.subjects ?? declaredSubjects();
  assertCompatible(subjects);
  const client = createRegistryClient(options);
  const steps: SubjectStep[] = [];
  for (const subject of subjects) {
    steps.push(...(await pushSubject(client, subject, options.dryRun === true)));
  }
  return steps;
}

/** Throws MARQUEE_SCHEMA_INCOMPATIBLE with every break of every subject, by field and rule. */
export function assertCompatible(subjects: readonly Subject[]): void {
  const lines = subjects.flatMap(({ subject, schemas }) =>
    checkBackwardTransitive(schemas).map(({ newer, older, field, rule, message }) => {
      const versions = `version ${newer} can't read version ${older}`;
      return `${subject} ${versions}: ${field}: ${rule}: ${message}`;
    }),
  );
  if (lines.length === 0) return;
  throw new MarqueeError('MARQUEE_SCHEMA_INCOMPATIBLE', lines.join('\n'));
}

/**
 * Asks the registry whether it would take what it does not have yet; nothing is registered.
 * Returns the subjects' objections, empty when there are none.
 */
export async function checkWithRegistry(
  options: RegistryOptions & { readonly subjects?: readonly Subject[] },
): Promise<{ readonly subject: string; readonly objection: string }[]> {
  const client = createRegistryClient(options);
  const objections: { subject: string; objection: string }[] = [];
  for (const { subject, schemas } of options.subjects ?? declaredSubjects()) {
    const known = await client.versions(subject);
    for (const schema of schemas) {
      if (known.some(({ text }) => sameJson(text, schema))) continue;
      for (const { version } of known) {
        const objection = await client.objection(subject, version, schema);
        if (objection !== null) objections.push({ subject, objection });
      }
    }
  }
  return objections;
}

async function pushSubject(
  client: RegistryClient,
  { subject, compatibility, schemas }: Subject,
  dryRun: boolean,
): Promise<SubjectStep[]> {
  const steps: SubjectStep[] = [];
  const found = await client.compatibility(subject);
  if (found !== compatibility) {
    if (!dryRun) await client.setCompatibility(subject, compatibility);
    const detail = `${found} -> ${compatibility}`;
    steps.push({ subject, action: 'set_compatibility', detail });
  }
  for (const [index, schema] of schemas.entries()) {
    if ((await client.findId(subject, schema)) !== null) continue;
    const version = `version ${index + 1}`;
    const detail = dryRun
      ? version
      : `${version} as schema ${await client.register(subject, schema)}`;
    steps.push({ subject, action: 'register', detail });
  }
  if (steps.length > 0) return steps;
  return [{ subject, action: 'unchanged', detail: `newest is version ${schemas.length}` }];
}

function sameJson(a: string, b: string): boolean {
  return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
}
