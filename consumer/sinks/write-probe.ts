// Before anything is read: can files be written here? A missing right or a DataNode out of reach shows now, not with the
// first batch.
import { randomUUID } from 'node:crypto';
import type { FileSystem } from '../../clients/files/file-system.ts';

const PROBES = '_staging/_probe';
/** No probe takes longer; an older one has lost its process. */
const PROBE_MS_MAX = 60_000;

/** Writes a small file below `root` and removes it. Throws what `files` throws. `now`: milliseconds since 1970. */
export async function probeWriting(
  files: FileSystem,
  root: string,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const probe = `${root}/${PROBES}/${now}-${randomUUID()}`;
  try {
    await files.create(probe, Buffer.from('probe\n'), signal);
  } catch (error) {
    // The NameNode may know the file already although no DataNode took it. Whatever stays, `sweepProbes` finds.
    await files.remove(probe, signal).catch(() => {});
    throw error;
  }
  await files.remove(probe, signal);
}

/** Removes what starts that died while probing left behind; the names say how old they are. */
export async function sweepProbes(
  files: FileSystem,
  root: string,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const directory = `${root}/${PROBES}`;
  for (const { name } of (await files.list(directory, signal)) ?? []) {
    // A topic may be called _probe: its partitions are staged here.
    const isProbe = !/^\d+$/.test(name);
    const isOld = !(now - Number.parseInt(name, 10) < PROBE_MS_MAX);
    if (isProbe && isOld) await files.remove(`${directory}/${name}`, signal);
  }
}
