// The list of all settings, derived from the schema: where each lives, what it takes, its variable in the environment.
import { z } from 'zod';
import { configSchema, paramsSchema } from './schema.ts';

export type SettingsFile = 'params' | 'config';

/** The part of JSON Schema our schemas use. */
export interface SchemaNode {
  /** Two types where one item may stand for a list of one. */
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly pattern?: string;
  readonly secret?: boolean;
}

export interface SettingKey {
  /** `batch.size`. No key of params.json is a key of config.json too. */
  readonly path: string;
  readonly file: SettingsFile;
  /** `KH_BATCH__SIZE`. */
  readonly env: string;
  readonly secret: boolean;
  readonly node: SchemaNode;
}

/** The JSON Schema of a settings file as a person writes it (defaults may be left out). */
export function jsonSchema(file: SettingsFile): SchemaNode {
  return z.toJSONSchema(file === 'params' ? paramsSchema : configSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema: node, zodSchema }) => {
      if (node['oneOrMore'] === true) {
        node.type = ['array', 'string'] as never;
        delete node['oneOrMore'];
      }
      // Zod leaves it out where the input may be of another type.
      if (Array.isArray(node.type) && zodSchema instanceof z.ZodDefault) {
        node.default = zodSchema.def.defaultValue as never;
      }
      // A secret is text to whoever writes the file; the Secret class is our own business.
      if (node['secret'] !== true) return;
      delete node.anyOf;
      node.type = 'string';
      node.minLength = 1;
    },
  }) as SchemaNode;
}

const SCHEMAS: Readonly<Record<SettingsFile, SchemaNode>> = {
  params: jsonSchema('params'),
  config: jsonSchema('config'),
};

/** Every setting in the order of the schema. */
export const SETTING_KEYS: readonly SettingKey[] = [
  ...leaves('params', SCHEMAS.params, []),
  ...leaves('config', SCHEMAS.config, []),
];

const BY_PATH = new Map(SETTING_KEYS.map((key) => [key.path, key]));

/** The setting called `path`, undefined for a section or an unknown name. */
export function settingKey(path: string): SettingKey | undefined {
  return BY_PATH.get(path);
}

/** `table.liveName` → `KH_TABLE__LIVE_NAME`. */
export function environmentName(path: string): string {
  const parts = path.split('.').map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase());
  return `KH_${parts.join('__')}`;
}

/** The schema at a path that may lead into lists (`kafka.brokers.1`), undefined where nothing is known. */
export function schemaAt(file: SettingsFile, path: readonly string[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = SCHEMAS[file];
  for (const part of path) {
    if (!node) return undefined;
    const properties: SchemaNode['properties'] = node.properties;
    node = properties && Object.hasOwn(properties, part) ? properties[part] : node.items;
  }
  return node;
}

export function isList({ type }: SchemaNode): boolean {
  return type === 'array' || (Array.isArray(type) && type.includes('array'));
}

/** Whether a value of this setting may hold a secret. */
export function mayHoldSecret({ secret, items, properties }: SchemaNode): boolean {
  if (secret || (items && mayHoldSecret(items))) return true;
  return Object.values(properties ?? {}).some(mayHoldSecret);
}

/** What a setting takes, to go after "expected". */
export function expectation(node: SchemaNode): string {
  if (node.enum) return `one of ${node.enum.join(', ')}`;
  if (isList(node)) return listExpectation(node.items);
  switch (node.type) {
    case 'integer':
      return `a whole number${bounds(node)}`;
    case 'number':
      return `a number${bounds(node)}`;
    case 'boolean':
      return 'true or false';
    case 'object':
      return `an object with ${Object.keys(node.properties ?? {}).join(', ')}`;
    default:
      return 'text';
  }
}

function listExpectation(items: SchemaNode | undefined): string {
  if (items?.enum) return `one or more of ${items.enum.join(', ')}`;
  if (items?.properties) return `a list of {${Object.keys(items.properties).join(', ')}}`;
  return 'a list of texts';
}

function bounds({ minimum, exclusiveMinimum, maximum }: SchemaNode): string {
  const open = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER;
  if (exclusiveMinimum !== undefined) {
    return open ? ` above ${exclusiveMinimum}` : ` above ${exclusiveMinimum}, at most ${maximum}`;
  }
  const from = minimum === undefined ? '' : ` from ${minimum}`;
  return open ? from : `${from} to ${maximum}`;
}

function leaves(file: SettingsFile, node: SchemaNode, parents: readonly string[]): SettingKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    if (name === '$schema') return [];
    const parts = [...parents, name];
    if (child.properties) return leaves(file, child, parts);
    const path = parts.join('.');
    const env = environmentName(path);
    return [{ path, file, env, secret: child.secret === true, node: child }];
  });
}
