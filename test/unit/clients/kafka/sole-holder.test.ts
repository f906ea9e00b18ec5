// Who of a group gets all topic partitions: the member that is there longest, whatever name the broker gave it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssignerProtocol, type Cluster, type GroupMember, Kafka } from 'kafkajs';
import { soleHolder } from '../../../../clients/kafka/sole-holder.ts';

/** Of what kafkajs hands to an assigner, the part that is asked. */
const cluster = {
  findTopicPartitionMetadata: () => [{ partitionId: 0 }, { partitionId: 1 }],
} as unknown as Cluster;
const topics = ['weather'];

function assigner(sinceMs: number) {
  const logger = new Kafka({ brokers: ['127.0.0.1:1'] }).logger();
  return soleHolder(sinceMs)({ groupId: 'alerts', cluster, logger });
}

function member(memberId: string, sinceMs: number): GroupMember {
  return { memberId, memberMetadata: assigner(sinceMs).protocol({ topics }).metadata };
}

async function assigned(members: GroupMember[]) {
  const all = await assigner(0).assign({ members, topics });
  return Object.fromEntries(
    all.map(({ memberId, memberAssignment }) => [
      memberId,
      AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment,
    ]),
  );
}

test('the member that is there longest has everything, and one that comes later takes nothing away', async () => {
  const first = member('m', 1000);
  const everything = { weather: [0, 1] };
  assert.deepEqual(await assigned([first]), { m: everything });
  assert.deepEqual(await assigned([member('a', 2000), first]), { m: everything, a: {} });
  assert.deepEqual(await assigned([member('z', 2000), first]), { m: everything, z: {} });
  assert.deepEqual(await assigned([member('b', 2), member('a', 2)]), { a: everything, b: {} });
});

test('a member of an earlier version, which does not say since when it is there, counts as the first', async () => {
  const metadata = { version: 0, topics, userData: Buffer.alloc(0) };
  const old = { memberId: 'o', memberMetadata: AssignerProtocol.MemberMetadata.encode(metadata) };
  assert.deepEqual(await assigned([member('a', 5), old]), { o: { weather: [0, 1] }, a: {} });
});
