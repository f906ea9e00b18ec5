// Gives all topic partitions of a group to one of its members; the others stand by until it is gone.
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const NAME = 'SoleHolder';
const VERSION = 0;

/** For kafkajs' `partitionAssigners`. All members of the group must use it. */
export const soleHolder: PartitionAssigner = ({ cluster }) => ({
  name: NAME,
  version: VERSION,
  async assign({ members, topics }) {
    const [holder, ...others] = members.map(({ memberId }) => memberId).sort();
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
      ...{ version: VERSION, topics, userData: Buffer.alloc(0) },
    }),
  }),
});
