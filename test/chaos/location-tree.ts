// The tree of an hdfs-consumer: as the checker sees it after a schedule, and as a reader sees it who looks all the while.
import { openLocation } from '../../clients/files/location.ts';
import { FileLedger } from '../../consumer/ledger.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import type { Lifecycle } from '../../pipeline/lifecycle.ts';
import { leftoversOf, type Place, readTree } from '../support/locations.ts';
import type { Destination, TableRow } from './destination.ts';

const READ_AGAIN_MS = 100;

function placeOf({ params, config }: Settings): Place {
  const { basePath } = params.hdfsConsumer;
  const { files, path: root } = openLocation(basePath, config.hdfs);
  return { basePath, files, root };
}

export async function openLocationTree(
  settings: Settings,
  opened: Lifecycle,
): Promise<Destination> {
  const place = placeOf(settings);
  const { basePath, files, root } = place;
  opened.add('files', { close: async () => files.close() });
  return {
    ...{ name: basePath, ledger: new FileLedger(files, root) },
    rows: () => readRows(place),
    leftovers: () => leftoversOf(place),
  };
}

/** Every line of every file that readers see. Throws what is no PipelineError at a torn line or a torn gzip member. */
async function readRows(place: Place): Promise<TableRow[]> {
  return [...(await readTree(place))].flatMap(([file, text]) => {
    const lines = text.split('\n');
    if (lines.pop() !== '') throw new Error(`${file} ends in a torn line`);
    return lines.map((line): TableRow => {
      const { kafka_partition: partition, kafka_offset, id, text: said } = parsed(line, file);
      const offset = BigInt(String(kafka_offset));
      return { file: `/${file}`, partition: Number(partition), offset, id, text: said };
    });
  });
}

function parsed(line: string, file: string) {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`${file} has a torn line: ${line.slice(0, 40)} ... ${line.slice(-40)}`);
  }
}

/** Reads the whole tree again and again until it is told to stop. */
export class TreeReader {
  /** How often it has read a tree that was not empty; servers that are away keep it from that. */
  reads = 0;
  readonly #place: Place;
  readonly #found = new Set<string>();
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;

  constructor(settings: Settings) {
    this.#place = placeOf(settings);
    this.#done = this.#read();
  }

  /** Sentences: what no reader must ever see. */
  async stop(): Promise<string[]> {
    this.#stopped.abort();
    await this.#done;
    this.#place.files.close();
    if (this.reads === 0) this.#found.add('reader: it could never read the tree');
    return [...this.#found];
  }

  async #read(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#look();
      await systemClock.sleep(READ_AGAIN_MS, signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    try {
      const rows = await readRows(this.#place);
      const names = new Set(rows.map(({ partition, offset }) => `${partition}:${offset}`));
      if (names.size < rows.length) this.#found.add('reader: a record stood twice for a while');
      if (rows.length > 0) this.reads += 1;
    } catch (error) {
      if (!(error instanceof PipelineError)) this.#found.add(`reader: ${describe(error)}`);
    }
  }
}
