// The filter rules of the X double, as many as the plan allows.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, problem } from './x-answers.ts';

export interface Rule {
  readonly id: string;
  readonly value: string;
  readonly tag?: string;
}

export class Rules {
  readonly list: Rule[] = [];
  readonly #max: number;
  #next = 1;

  constructor(max: number) {
    this.#max = max;
  }

  async answer(request: IncomingMessage, response: ServerResponse, nowMs: number): Promise<void> {
    const meta = { sent: new Date(nowMs).toISOString() };
    if (request.method === 'GET') {
      const data = this.list.length > 0 ? { data: this.list } : {};
      return json(response, 200, { ...data, meta: { ...meta, result_count: this.list.length } });
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (body.delete) {
      const kept = this.list.filter((rule) => !body.delete.ids.includes(rule.id));
      const deleted = this.list.length - kept.length;
      this.list.splice(0, this.list.length, ...kept);
      return json(response, 200, { meta: { ...meta, summary: { deleted, not_deleted: 0 } } });
    }
    if (this.list.length + body.add.length > this.#max) {
      const detail = `Rules would exceed the cap of ${this.#max} rules`;
      return problem(response, { status: 422, title: 'RulesCapExceeded', detail });
    }
    const added = body.add.map((rule: { value: string; tag?: string }) => ({
      ...rule,
      id: String(1_700_000_000_000_000_000n + BigInt(this.#next++)),
    }));
    this.list.push(...added);
    const summary = { created: added.length, not_created: 0, valid: added.length, invalid: 0 };
    return json(response, 201, { data: added, meta: { ...meta, summary } });
  }
}
