import type { Finding } from './checks.ts';
import type { TopicRecords } from '../../../schemas/generated/types.ts';
import { READERS, type Expected } from './expected.ts';
import { readTopic } from '../read-topic.ts';
import type { Environment } from '../faults/environment.ts';

/** Reads a topic and decodes each value. */
async function decoded<K extends 'dead-letters.v1' | 'profile-changes.v1'>(
  environment: Environment,
  topic: K,
  take: (key: string, value: TopicRecords[K]) => void,
): Promise<void> {
  const reader = environment.codec.reader(topic);
  const { schemaId } = await environment.codec.writer(topic);
  await reader.ensureSchema(schemaId);
  await readTopic(environment.brokers, topic, ({ key, value }) => {
    if (value === null) throw new Error(`${topic} holds a null value`);
    // What is no record of it has none of the fields that are compared.
    take(key?.toString() ?? '', reader.decode(value) as TopicRecords[K]);
  });
}

/** dead-letters.v1 holds every bad record (twice at most where a process died in between). */
export async function checkDeadLetterTopic(
  environment: Environment,
  expected: Expected,
  processors: readonly string[],
): Promise<Finding> {
  const wanted = new Map<string, { reason: string; bytes: number | null }>();
  for (const { topic, partition, offset, reason, bytes } of expected.dead)
    for (const processor of READERS[topic] ?? [])
      if (processors.includes(processor))
        wanted.set(`${processor}/${topic}/${partition}/${offset}`, { reason, bytes });
  const seen = new Set<string>();
  const wrong: string[] = [];
  await decoded(environment, 'dead-letters.v1', (key, { reason, value }) => {
    const want = wanted.get(key);
    const bytes = value?.length ?? null;
    if (want?.reason !== reason || want.bytes !== bytes)
      wrong.push(`${key}: ${reason}, ${bytes} bytes; expected ${JSON.stringify(want ?? 'none')}`);
    seen.add(key);
  });
  const lost = [...wanted.keys()].filter((key) => !seen.has(key));
  return {
    check: `dead-letters.v1 holds ${wanted.size} bad records, each with its reason and bytes`,
    holds: wrong.length === 0 && lost.length === 0,
    found: `${lost.length} missing (${lost.slice(0, 3).join(' ')}), wrong: ${wrong.slice(0, 3).join('; ')}`,
  };
}

/**
 * profile-changes.v1: the last version told of each user covers all that entered their history, and
 * no version was told that the profile never had.
 */
export async function checkProfileChanges(environment: Environment): Promise<Finding> {
  const told = new Map<string, number>();
  await decoded(environment, 'profile-changes.v1', (_, change) => {
    told.set(change.user_id, Math.max(told.get(change.user_id) ?? 0, change.profile_version));
  });
  // Events of a user stand in one partition: those up to the last one of the history are the least.
  const rows = await environment.db.query<{ user_id: string; least: number; most: number }>(
    `WITH told AS (SELECT user_id, max(kafka_offset) AS last FROM expected.actions
       WHERE movie_id IS NOT NULL AND action NOT IN ('impression', 'search') GROUP BY user_id)
     SELECT a.user_id, count(*) FILTER (WHERE kafka_offset <= t.last) AS least, count(*) AS most
     FROM expected.actions a JOIN told t USING (user_id) GROUP BY a.user_id`,
  );
  const wrong = rows.filter(({ user_id, least, most }) => {
    const version = told.get(user_id) ?? -1;
    return version < least || version > most;
  });
  const strangers = told.size - rows.filter(({ user_id }) => told.has(user_id)).length;
  return {
    check: `profile-changes.v1 tells the final version of ${rows.length} users`,
    holds: wrong.length === 0 && strangers === 0,
    found:
      `${wrong.length} wrong, ${strangers} of users without history: ` +
      JSON.stringify(wrong.slice(0, 3).map((row) => ({ ...row, told: told.get(row.user_id) }))),
  };
}
