// The registry of position stores: the one that params.json asks for. The caller opens it.
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';
import { FilePositionStore } from './file.ts';
import { type GroupOffsetReader, GroupPositions } from './group.ts';

export interface PositionStoreDeps {
  readonly log: Log;
  readonly admin: GroupOffsetReader;
  /** Commits a batch as the group's offset; used by the group store only. */
  readonly commit: (placed: PlacedBatch) => Promise<void>;
}

/** The store of consumer-from-position, for its group and its table. */
export function openPositionStore({ params }: Settings, deps: PositionStoreDeps): PositionStore {
  const { admin, commit, log } = deps;
  if (params.positions.store === 'group') {
    return new GroupPositions({ group: params.consumer.group, admin, commit });
  }
  return new FilePositionStore({
    file: params.positions.file,
    destination: `${params.table.database}.${params.table.name}`,
    log,
    clock: systemClock,
  });
}
