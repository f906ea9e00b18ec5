// Faults planted on purpose into the delivery of a consumer, to show that the chaos run finds them. Each breaks one law of
// docs/delivery.md, for sinks that write files.
import { openLocation } from '../../clients/files/location.ts';
import type { Delivery } from '../../consumer/deliver.ts';
import { entryPath, stagingPath } from '../../consumer/ledger.ts';
import type { Settings } from '../../params/schema.ts';
import type { Plant } from './schedule.ts';

/** The delivery with the fault in it. For a table, its location must be set. */
export function plant(what: Plant, delivery: Delivery, { params, config }: Settings): Delivery {
  const { sink, positions } = delivery;
  const { topics, basePath } = params.hdfsConsumer;
  const location = topics ? basePath : (params.table.location ?? '');
  const { files, path } = openLocation(location, config.hdfs);
  if (what === 'early-advance') {
    return {
      ...delivery,
      sink: {
        ...parts(sink),
        place: async (record, signal) => {
          await positions.advance(record);
          await sink.place(record, signal);
        },
      },
    };
  }
  if (what === 'early-sweep') {
    return {
      ...delivery,
      sink: {
        ...parts(sink),
        // What other attempts staged at this start is removed before the start is decided.
        stage: async (batch, signal) => {
          const { start } = batch.range;
          await files.remove(`${path}/${stagingPath(batch.range, start)}`, signal);
          return sink.stage(batch, signal);
        },
      },
    };
  }
  return {
    ...delivery,
    sink: {
      ...parts(sink),
      ledger: {
        // Whoever comes last wins: the entry that stands makes room.
        commit: async (record, signal) => {
          await files.remove(`${path}/${entryPath(record, record.start)}`, signal);
          return sink.ledger.commit(record, signal);
        },
      },
    },
  };
}

/** A sink is an object with private parts; its methods are called on itself. */
function parts(sink: Delivery['sink']): Delivery['sink'] {
  return {
    ledger: sink.ledger,
    stage: (batch, signal) => sink.stage(batch, signal),
    place: (record, signal) => sink.place(record, signal),
  };
}
