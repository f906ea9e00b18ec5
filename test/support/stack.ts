// Where the servers of this test run stand. `scripts/test.ts` starts them once and names the file in KH_TEST_STACK.
import { readFileSync } from 'node:fs';

export interface StackEndpoints {
  readonly kafka: { readonly brokers: readonly string[] };
  readonly hdfs: { readonly nameNodes: readonly string[]; readonly uri: string };
  readonly hive: { readonly host: string; readonly port: number };
}

/** The endpoints of the running stack. Throws when KH_TEST_STACK is not set: such a test cannot pass without servers. */
export function stackEndpoints(): StackEndpoints {
  const file = process.env['KH_TEST_STACK'];
  if (!file)
    throw new Error('KH_TEST_STACK is not set: run this suite with `npm run test:servers`');
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** A name no other test uses: letters, digits and _ only, good for topics, databases and directories. */
export function uniqueName(stem: string): string {
  return `${stem}_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 8)}`;
}
