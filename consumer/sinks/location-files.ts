// The sink of the hdfs-consumer: weather records as lines in `<base path>/<CC>/<City-Name>/`, on HDFS or in a directory of this
// machine. A batch becomes a file for each of its locations, staged where nobody looks and decided by one ledger entry;
// then they are added to `alerts.json` (layout `grow`) or renamed (layout `batches`).
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bytesIn, type FileSystem } from '../../clients/files/file-system.ts';
import type { GrowingFiles } from '../../clients/files/growing-files.ts';
import { HdfsGrowth, packed } from '../../clients/files/growing-hdfs.ts';
import { LocalGrowth } from '../../clients/files/growing-local.ts';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import type { FileKind } from '../../clients/json-file/file-kind.ts';
import { FileLock } from '../../clients/json-file/lock.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { Fault, type TombstonePolicy } from '../../pipeline/codec.ts';
import type { BatchRecord, Ledger, StagedFile } from '../../pipeline/ledger.ts';
import type { OffsetRange, TopicPartition } from '../../pipeline/range.ts';
import type { Reject, Sink, Staged } from '../../pipeline/sink.ts';
import { FileLedger, stagingPath } from '../ledger.ts';
import { formatFileName } from './file-name.ts';
import { fingerprint } from './fingerprint.ts';
import { GrowingNames, isGrowingName } from './growing-names.ts';
import { LocationBlock } from './location-block.ts';
import { LocationLines } from './location-lines.ts';
import { LocationParts } from './location-parts.ts';
import { forEachParallel, moveOnce, sweepStaging } from './staged-files.ts';
import { probeWriting, sweepProbes } from './write-probe.ts';

export interface LocationFilesParts {
  readonly files: FileSystem;
  /** The base path: absolute, without a slash at its end. Made when it is missing. */
  readonly root: string;
  readonly layout: 'grow' | 'batches';
  readonly compression: 'none' | 'gzip';
  /** Length at which a file grows no more. */
  readonly fileBytesMax: number;
  readonly tombstones: TombstonePolicy;
  /** Called, and waited for, before this process places its first file in a location (`FR/Paris`). */
  readonly addLocation?: ((location: string, signal: AbortSignal) => Promise<void>) | undefined;
  readonly clock: Clock;
}

/** Other topic partitions wait for answers meanwhile: nobody may keep the thread for long. */
const TURN_MS = 1;
/** Between two looks at the clock. */
const RECORDS_AT_ONCE = 50;

const BASE_PATH: FileKind = {
  name: 'base path',
  setting: 'hdfsConsumer.basePath, --hdfs-path',
  hints: {
    locked: ', or an HDFS one: any number of processes may share that',
    damaged: '',
    unwritable: '',
  },
};

/** `files` belongs to whoever made it; `close` leaves it open. */
export class LocationFilesSink implements Sink {
  readonly name = 'location-files';
  readonly ledger: Ledger;
  readonly #parts: LocationFilesParts;
  readonly #growing: GrowingFiles;
  readonly #names: GrowingNames;
  readonly #lines: LocationLines;
  readonly #isGzip: boolean;
  /** Of files that grow on HDFS; what grows otherwise is staged as the files of every sink. */
  readonly #beside: LocationParts | undefined;
  /** Locations that `addLocation` was called for. */
  readonly #added = new Set<string>();
  #lock: FileLock | undefined;

  constructor(parts: LocationFilesParts) {
    const { files, root, compression, fileBytesMax, tombstones, clock } = parts;
    this.#parts = parts;
    this.ledger = new FileLedger(files, root, clock);
    const isHdfs = files instanceof WebHdfs;
    this.#growing = isHdfs ? new HdfsGrowth(files) : new LocalGrowth();
    this.#beside = isHdfs ? new LocationParts(files, root, clock) : undefined;
    this.#lines = new LocationLines(tombstones);
    this.#isGzip = compression === 'gzip';
    this.#names = new GrowingNames({
      list: (location, signal) => files.list(`${root}/${location}`, signal),
      isGzip: this.#isGzip,
      bytesMax: fileBytesMax,
      clock,
    });
  }

  /** Throws POSITION_LOCKED when another process holds a local base path. */
  async open(signal: AbortSignal): Promise<void> {
    const { files, root, clock } = this.#parts;
    await files.makeDirectory(root, signal);
    if (!(files instanceof WebHdfs)) {
      this.#lock ??= await FileLock.take(`${root}/_writer`, BASE_PATH, clock, signal);
    }
    await probeWriting(files, root, clock.now(), signal);
  }

  async stage(batch: Batch, signal: AbortSignal): Promise<Staged> {
    const { range, records } = batch;
    const attempt = randomUUID();
    const { groups, rejects, skipped } = await this.#divide(batch, signal);
    const isBeside = this.#parts.layout === 'grow';
    const files = await forEachParallel([...groups], ([location, block], index) => {
      const beside = isBeside ? this.#beside?.stage(range, location, attempt) : undefined;
      const staged = beside ?? `${stagingPath(range, range.start)}/${attempt}/${index}`;
      return this.#stageOne(range, location, block, staged, signal);
    });
    const record: BatchRecord = {
      ...range,
      ...{ kind: 'batch', attempt, files, skipped, deadLetters: rejects.length },
      rows: records.length - skipped - rejects.length,
      last: fingerprint(records.at(-1)),
      at: this.#parts.clock.now(),
    };
    return { record, rejects };
  }

  async place(record: BatchRecord, signal: AbortSignal): Promise<void> {
    const { files, root } = this.#parts;
    // Frozen for long enough, another process has taken over: nothing may be added any more.
    await this.#lock?.check();
    await forEachParallel(record.files, (file) => this.#placeOne(record, file, signal));
    // Only now: until every file is placed, a late writer of this same record may still need them.
    await files.remove(`${root}/${stagingPath(record, record.start)}`, signal);
    await this.#beside?.placed(record, signal);
  }

  async sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void> {
    const { files, root, clock } = this.#parts;
    await sweepStaging(files, root, of, position, signal);
    await this.#beside?.sweep(of, position, signal);
    await sweepProbes(files, root, clock.now(), signal);
  }

  async close(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }

  async #divide({ range, records }: Batch, signal: AbortSignal) {
    const groups = new Map<string, LocationBlock>();
    const rejects: Reject[] = [];
    let skipped = 0;
    const { clock } = this.#parts;
    let count = 0;
    let began = clock.monotonic();
    for (const record of records) {
      count += 1;
      if (count % RECORDS_AT_ONCE === 0 && clock.monotonic() - began >= TURN_MS) {
        await nextTurn();
        signal.throwIfAborted();
        began = clock.monotonic();
      }
      const located = this.#lines.of(record);
      if (located === undefined) skipped += 1;
      else if (located instanceof Fault) {
        rejects.push({ record, code: located.code, reason: located.reason });
      } else {
        const block = groups.get(located.location) ?? new LocationBlock(range);
        groups.set(located.location, block);
        block.add(located.object, record.offset);
      }
    }
    return { groups, rejects, skipped };
  }

  async #stageOne(
    range: OffsetRange,
    location: string,
    block: LocationBlock,
    staged: string,
    signal: AbortSignal,
  ): Promise<StagedFile> {
    const { files, root } = this.#parts;
    const { body, name } = await this.#pack(range, location, block.pieces, signal);
    await files.create(`${root}/${staged}`, body, signal);
    return {
      ...{ staged, final: `${location}/${name}`, tablePartition: location },
      ...{ rows: block.rows, bytes: bytesIn(body) },
    };
  }

  /** What is staged of the lines of a location, and the name of the file they end in. */
  async #pack(
    range: OffsetRange,
    location: string,
    lines: readonly Buffer[],
    signal: AbortSignal,
  ): Promise<{ body: readonly Buffer[]; name: string }> {
    const isGzip = this.#isGzip;
    if (this.#parts.layout === 'batches') {
      const body = await packed(lines, isGzip);
      return { body, name: formatFileName(range, isGzip ? 'json-gzip' : 'json') };
    }
    const { body, bytes } = await this.#growing.pack(lines, isGzip);
    return { body, name: await this.#names.choose(location, bytes, signal) };
  }

  async #placeOne(record: BatchRecord, file: StagedFile, signal: AbortSignal): Promise<void> {
    const { files, root, addLocation } = this.#parts;
    if (addLocation && !this.#added.has(file.tablePartition)) {
      await addLocation(file.tablePartition, signal);
      this.#added.add(file.tablePartition);
    }
    // The entry may be of another layout than today's.
    if (!isGrowingName(basename(file.final))) {
      return moveOnce({ files, root, ledger: this.ledger }, record, file, signal);
    }
    return this.#growing.grow(`${root}/${file.staged}`, `${root}/${file.final}`, signal);
  }
}
