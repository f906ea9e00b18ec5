// The one filter rule that is ours. Rules belong to the X app and may be shared: others' rules are left alone.
import type { TwitterApiv2 } from 'twitter-api-v2';
import { PipelineError } from '../../pipeline/errors.ts';
import { withTimeout } from '../../pipeline/retry.ts';
import { connectX, network, XAttemptFailed, type XSettings, xFailure } from './connection.ts';

/** Rules with this tag are ours to add and delete. */
const RULE_TAG = 'kafka-hive';

/**
 * Makes sure that exactly one rule of ours exists and has `value`. Returns the ids of the rules that have this
 * value, ours or not: posts that match only other rules are not meant for us. Throws XAttemptFailed.
 */
export async function ensureRule(
  config: XSettings,
  value: string,
  answerMs: number,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const connection = connectX(config);
  const doing = `set the filter rule ${value} at ${config.apiUrl}`;
  const late = () =>
    new XAttemptFailed(network(`cannot ${doing}: no answer in ${answerMs / 1000} s`));
  const step = async () => {
    try {
      return await putRule(connection.v2, value);
    } catch (error) {
      if (error instanceof PipelineError) throw error;
      throw new XAttemptFailed(xFailure(error, doing));
    }
  };
  const putting = step();
  try {
    return await withTimeout(putting, answerMs, late, signal);
  } finally {
    connection.close();
    putting.catch(() => undefined);
  }
}

async function putRule(v2: TwitterApiv2, value: string): Promise<ReadonlySet<string>> {
  const rules = (await v2.streamRules()).data ?? [];
  const outdated = rules.filter((rule) => rule.tag === RULE_TAG && rule.value !== value);
  if (outdated.length > 0) {
    await v2.updateStreamRules({ delete: { ids: outdated.map((rule) => rule.id) } });
  }
  const same = rules.filter((rule) => rule.value === value);
  if (same.length > 0) return new Set(same.map((rule) => rule.id));
  const answer = await v2.updateStreamRules({ add: [{ value, tag: RULE_TAG }] });
  const added = answer.data ?? [];
  if (added.length > 0) return new Set(added.map((rule) => rule.id));
  const said = answer.errors?.map((error) => `${error.title}: ${error.detail ?? ''}`).join('; ');
  throw new PipelineError('SOURCE_REJECTED', `X did not accept the rule ${value}: ${said ?? ''}`, {
    hint: 'Choose another hashtag, or delete rules of this X app.',
  });
}
