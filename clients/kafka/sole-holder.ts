// Gives all topic partitions of a group to the one of its members that is there longest; the others stand by until it is gone.
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const NAME = 'SoleHolder';
const VERSION = 0;

/**
 * For kafkajs' `partitionAssigners`. All members of the group must use it. `sinceMs`: since when this one is there, in
 * milliseconds since 1970; who comes later takes nothing away. Clocks that differ only change who holds.
 */
export function soleHolder(sinceMs: number): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    async assign({ members, topics }) {
      const [holder, ...others] = members
        .map(({ memberId, memberMetadata }) => ({ memberId, since: sinceOf(memberMetadata) }))
        .sort((a, b) => a.since - b.since || (a.memberId < b.memberId ? -1 : 1))
        .map(({ memberId }) => memberId);
      const all = topics.map((topic) => {
        const partitions = cluster.findTopicPartitionMetadata(topic);
        return [topic, partitions.map(({ partitionId }) => partitionId)];
      });
      const encode = (memberId: string, assignment: Record<string, number[]>) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          ...{ version: VERSION, assignment, userData: Buffer.alloc(0) },
        }),
      });
      if (holder === undefined) return [];
      return [
        encode(holder, Object.fromEntries(all)),
        ...others.map((memberId) => encode(memberId, {})),
      ];
    },
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        ...{ version: VERSION, topics, userData: Buffer.from(String(sinceMs)) },
      }),
    }),
  });
}

/** A member that does not say it (of an earlier version) was there first. */
function sinceOf(metadata: Buffer): number {
  return Number(AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString() ?? 0) || 0;
}
