// A process of its own for the tests of the temporary directory: argv[2] is the parent directory, argv[3] the number of records.
import { RowEncoder } from '../../../../clients/duckdb/row-encoder.ts';
import { PipelineError } from '../../../../pipeline/errors.ts';
import { batchOf, never, tableOf } from './encoding.ts';

const [directory = '', count = '0', format = 'parquet'] = process.argv.slice(2);
const columns = [{ name: 'c', type: 'string', path: 'a' }] as const;
const encoder = await RowEncoder.open({
  table: tableOf(columns, format as 'parquet' | 'json'),
  valueFormat: 'json',
  tombstones: 'skip',
  directory,
});
const values = Array.from({ length: Number(count) }, (_, i) => `{"a":"${i}"}`);
try {
  const { files } = await encoder.encodeFiles(batchOf(values), never);
  console.log(`encoded ${files[0]?.rows}`);
} catch (error) {
  console.log(error instanceof PipelineError ? `${error.code} ${error.message}` : String(error));
}
// Stays until it is killed, or its input ends.
process.stdin.resume();
