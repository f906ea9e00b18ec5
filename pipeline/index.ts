// What outsiders may import: the contracts for a source, a sink and a position store of their own.
export * from './batch.ts';
export * from './clock.ts';
export * from './errors.ts';
export * from './ledger.ts';
export * from './log.ts';
export * from './packed-records.ts';
export * from './position-store.ts';
export * from './range.ts';
export * from './record.ts';
export * from './sink.ts';
export * from './source.ts';
export * from './table.ts';
