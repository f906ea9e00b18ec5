// The named steps of a delivery, told right after each: where the crash suite and the chaos run kill and freeze.
import type { Delivery } from '../../consumer/deliver.ts';

/** In their order. */
export const DELIVERY_STEPS = [
  'staged',
  'dead-lettered',
  'committed',
  'placed',
  'advanced',
] as const;
export type DeliveryStep = (typeof DELIVERY_STEPS)[number];

/** The same delivery; calls `told` right after each step that succeeded, before anything else is done. */
export function tellSteps(delivery: Delivery, told: (step: DeliveryStep) => void): Delivery {
  const { sink, deadLetters, positions } = delivery;
  const after = async <T>(step: DeliveryStep, doing: Promise<T>): Promise<T> => {
    const result = await doing;
    told(step);
    return result;
  };
  return {
    ...delivery,
    sink: {
      stage: (batch, signal) => after('staged', sink.stage(batch, signal)),
      ledger: {
        commit: (record, signal) => after('committed', sink.ledger.commit(record, signal)),
      },
      place: (record, signal) => after('placed', sink.place(record, signal)),
    },
    deadLetters: {
      send: (batch, rejects, signal) =>
        after('dead-lettered', deadLetters.send(batch, rejects, signal)),
    },
    positions: {
      name: positions.name,
      advance: (placed) => after('advanced', positions.advance(placed)),
    },
  };
}
