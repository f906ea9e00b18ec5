// The filter rules that are ours. Rules belong to the X app and may be shared: others' rules are left alone.
import { PipelineError } from '../../pipeline/errors.ts';
import { askX, type XAccess, XAttemptFailed } from './connection.ts';

/** Rules with this tag are ours to add and delete. */
const RULE_TAG = 'kafka-hive';
const PATH = 'tweets/search/stream/rules';

interface Rule {
  readonly id: string;
  readonly value: string;
  readonly tag?: string;
}

interface Answer {
  readonly data?: readonly Rule[];
  readonly errors?: readonly { readonly title?: string; readonly detail?: string }[];
}

export interface RuleSet {
  /** Of the rules with our values, ours or not: posts that match only other rules are not meant for us. */
  readonly ids: ReadonlySet<string>;
  /** Whether one was made now: it takes effect some seconds later. */
  readonly hasNew: boolean;
}

/** Whether these rules of others may be deleted, told by their values, oldest first. */
export type MayDelete = (values: readonly string[]) => Promise<boolean>;

/**
 * Makes sure that exactly the rules `values` exist as ours. When X takes no more rules, as many of others' as needed are
 * deleted, the oldest first, if `mayDelete` says so. Throws XAttemptFailed; SOURCE_REJECTED when X accepts no rule.
 */
export async function ensureRules(
  access: XAccess,
  values: readonly string[],
  mayDelete: MayDelete,
  signal: AbortSignal,
): Promise<RuleSet> {
  const standing = await ask(access, 'read the filter rules', undefined, signal);
  const rules = standing.data ?? [];
  const outdated = rules.filter((rule) => rule.tag === RULE_TAG && !values.includes(rule.value));
  await remove(access, outdated, signal);
  const same = rules.filter(({ value }) => values.includes(value));
  const missing = values.filter((value) => !same.some((rule) => rule.value === value));
  const ids = same.map(({ id }) => id);
  if (missing.length === 0) return { ids: new Set(ids), hasNew: false };
  let answer = await add(access, missing, signal);
  if (isFull(answer)) {
    const others = rules.filter((rule) => rule.tag !== RULE_TAG && !same.includes(rule));
    const oldest = others.toSorted((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
    const victims = oldest.slice(0, missing.length);
    if (victims.length < missing.length || !(await mayDelete(victims.map(({ value }) => value)))) {
      throw full(access, victims.length);
    }
    await remove(access, victims, signal);
    answer = await add(access, missing, signal);
  }
  const added = answer.data ?? [];
  if (added.length === missing.length) {
    return { ids: new Set([...ids, ...added.map(({ id }) => id)]), hasNew: true };
  }
  throw new PipelineError(
    'SOURCE_REJECTED',
    `X did not accept the rule ${missing.join(' and ')}: ${said(answer)}`,
    { hint: 'Choose other hashtags or producer.languages, or delete rules of this X app.' },
  );
}

async function add(
  access: XAccess,
  values: readonly string[],
  signal: AbortSignal,
): Promise<Answer> {
  const rules = values.map((value) => ({ value, tag: RULE_TAG }));
  try {
    return await ask(access, `set the filter rule ${values.join(' and ')}`, { add: rules }, signal);
  } catch (error) {
    if (!(error instanceof XAttemptFailed) || error.failure.title === undefined) throw error;
    // X tells of a full set by a status as well as inside an answer.
    const answer = { errors: [{ title: error.failure.title }] };
    if (isFull(answer)) return answer;
    throw error;
  }
}

async function remove(access: XAccess, rules: readonly Rule[], signal: AbortSignal): Promise<void> {
  if (rules.length === 0) return;
  const ids = rules.map(({ id }) => id);
  await ask(access, `delete ${ids.length} filter rules`, { delete: { ids } }, signal);
}

function ask(
  access: XAccess,
  doing: string,
  body: Record<string, unknown> | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const full = { fullResponse: true } as const;
  return askX<Answer>(
    access,
    {
      doing: `${doing} at ${access.config.apiUrl}`,
      limit: body ? 'changes of rules' : 'looks at rules',
      ask: (v2) =>
        body ? v2.post<Answer>(PATH, body, full) : v2.get<Answer>(PATH, undefined, full),
    },
    signal,
  );
}

const isFull = ({ errors = [] }: Answer) =>
  errors.some(({ title }) => title === 'RulesCapExceeded');

function full({ config }: XAccess, others: number): PipelineError {
  const why = 'the X app has as many filter rules as its plan allows';
  return new PipelineError(
    'SOURCE_REJECTED',
    `cannot set a filter rule at ${config.apiUrl}: ${why}`,
    {
      hint:
        others === 0
          ? 'All of them are ours: choose fewer hashtags.'
          : '--replace-rules (producer.x.replaceRules) deletes the oldest rules of others to make room; or delete some by hand.',
    },
  );
}

function said({ errors = [] }: Answer): string {
  return errors.map(({ title, detail }) => `${title}: ${detail ?? ''}`).join('; ') || 'no reason';
}
