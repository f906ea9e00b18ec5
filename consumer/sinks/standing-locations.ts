// The locations that stand below a base path, whoever made them.
import type { FileSystem } from '../../clients/files/file-system.ts';
import { forEachParallel } from './staged-files.ts';

/** `FR/Paris`, each of `<root>/<country>/<city>` once; names that begin with `.` or `_` are ours or hidden. Throws what `list` throws. */
export async function standingLocations(
  files: Pick<FileSystem, 'list'>,
  root: string,
  signal: AbortSignal,
): Promise<string[]> {
  const directories = async (path: string) => {
    const entries = (await files.list(path, signal)) ?? [];
    const shown = entries.filter(({ type, name }) => type === 'directory' && !/^[._]/.test(name));
    return shown.map(({ name }) => name);
  };
  const found = await forEachParallel(await directories(root), async (country) =>
    (await directories(`${root}/${country}`)).map((city) => `${country}/${city}`),
  );
  return found.flat();
}
