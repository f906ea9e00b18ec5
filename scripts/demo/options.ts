// What the user asked of the demo.
import { createReadStream, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { postLine } from './posts.ts';

export const HELP = `npm run demo [-- options]
  --keep              leave everything running afterwards and say what to try next
  --input <file>      your own posts, one JSON object a line, instead of made ones
  --hashtag <name>    the hashtag the producer looks for (default: kafka; with --input: every line)
  --posts <count>     how many posts to make (default: 20000)
`;

const POSTS = 20_000;
const POSTS_MAX = 10_000_000;

export interface DemoOptions {
  readonly keep: boolean;
  /** Absolute path of the user's posts. */
  readonly input: string | undefined;
  /** Without #. */
  readonly hashtag: string | undefined;
  readonly posts: number;
}

/** The options; a sentence that says what is wrong with them; or `help`. */
export function readOptions(args: readonly string[]): DemoOptions | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: 'boolean', default: false },
      input: { type: 'string' },
      hashtag: { type: 'string' },
      posts: { type: 'string', default: String(POSTS) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return HELP;
  // npm changes the directory; a relative path is meant from where the user is.
  const input = values.input && resolve(process.env['INIT_CWD'] ?? '.', values.input);
  if (input !== undefined && !existsSync(input)) return `--input: there is no file ${values.input}`;
  const posts = Number(values.posts);
  if (!Number.isInteger(posts) || posts < 1 || posts > POSTS_MAX)
    return `--posts: expected a whole number from 1 to ${POSTS_MAX}`;
  const hashtag =
    values.hashtag?.replace(/^[#＃]/, '') ?? (input === undefined ? 'kafka' : undefined);
  return { keep: values.keep, input, hashtag, posts };
}

/** Opens the file when the first line is asked for: readline loses what it reads before. */
async function* linesOf(file: string): AsyncGenerator<string> {
  yield* createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
}

function* madePosts(count: number, hashtag: string): Generator<string> {
  for (let index = 0; index < count; index += 1) yield postLine(index, hashtag);
}

/** The posts, and how many lines there are. */
export async function openPosts({ input, hashtag, posts }: DemoOptions) {
  if (input === undefined) return { count: posts, lines: madePosts(posts, hashtag ?? 'kafka') };
  let count = 0;
  for await (const _ of linesOf(input)) count += 1;
  return { count, lines: linesOf(input) };
}
