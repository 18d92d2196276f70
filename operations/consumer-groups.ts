import { withAdmin } from '../connectors/kafka/admin.ts';

/** The consumer group of a processor. */
export function groupOf(processor: string): string {
  return `marquee.${processor}`;
}

/** Members of consumer groups as the broker knows them, by group. */
export function readGroupMembers(
  brokers: readonly string[],
  groups: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  return withAdmin({ brokers }, async (admin) => {
    const described = await admin.describeGroups([...groups]);
    return new Map(
      described.groups.map(({ groupId, members }) => [
        groupId,
        members.map(({ clientId, clientHost }) => `${clientId}${clientHost}`),
      ]),
    );
  });
}
