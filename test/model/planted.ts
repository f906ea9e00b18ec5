// Faults that are planted in the model, to see that its check finds them: those of the ledger are made here.
import { isCode } from '../../pipeline/errors.ts';
import type { Ledger, RollUp } from '../../pipeline/ledger.ts';

export type Planted =
  | 'none'
  | 'early-sweep'
  | 'early-advance'
  | 'blind-overwrite'
  | 'forget-before-roll-up'
  | 'no-look-after-commit';

/** The ledger with its fault, where the fault is the ledger's. */
export function planting(planted: Planted, ledger: Ledger): Ledger {
  const sound: Ledger = {
    origin: (...given) => ledger.origin(...given),
    readOrigin: (...given) => ledger.readOrigin(...given),
    commit: (...given) => ledger.commit(...given),
    read: (...given) => ledger.read(...given),
    rolledUp: (...given) => ledger.rolledUp(...given),
    rollUp: (...given) => ledger.rollUp(...given),
    forget: (...given) => ledger.forget(...given),
    partitions: (...given) => ledger.partitions(...given),
  };
  let unwritten: RollUp | undefined;
  switch (planted) {
    case 'forget-before-roll-up':
      return {
        ...sound,
        rollUp: async (record) => {
          unwritten = record;
          return true;
        },
        forget: async (of, starts, signal) => {
          await ledger.forget(of, starts, signal);
          if (unwritten) await ledger.rollUp(unwritten, signal);
        },
      };
    case 'no-look-after-commit':
      return {
        ...sound,
        commit: (record, signal) =>
          ledger.commit(record, signal).catch((error) => {
            if (isCode(error, 'POSITION_ROLLED_UP')) return record;
            throw error;
          }),
      };
    default:
      return sound;
  }
}
