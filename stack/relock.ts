// Writes stack/artifacts.lock.json anew after a change of coordinates.ts: `npx tsx stack/relock.ts`. Look at the difference
// before you commit it: from then on these bytes are what every user must have.
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog } from '../pipeline/log.ts';
import {
  artifactName,
  artifactsHome,
  fetchArtifact,
  lockDirectory,
  lockFile,
} from './artifacts.ts';
import { SERVICES } from './node.ts';

const options = {
  log: createLog({ level: 'info', format: 'pretty' }),
  signal: new AbortController().signal,
};
const lock: Record<string, unknown> = {};
for (const service of SERVICES) {
  const fresh = join(artifactsHome(), `.relock-${service}`);
  try {
    await fetchArtifact(service, fresh, options);
    lock[artifactName(service)] = await lockDirectory(fresh);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
writeFileSync(lockFile(), `${JSON.stringify(lock, undefined, 2)}\n`);
