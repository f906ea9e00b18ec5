// The schema of config.json: connections and credentials.
import { z } from 'zod';
import { DAY, MINUTE, name, SECOND, whole } from './schema-parts.ts';
import { Secret } from './secret.ts';
import { openMeteoSchema } from './weather-schema.ts';

/** A secret is a string in the file and a Secret afterwards: it prints as [secret]. A *_FILE gives a Secret at once. */
const secret = z
  .union([z.string().min(1), z.instanceof(Secret)])
  .transform((value) => (value instanceof Secret ? value : new Secret(value)))
  .meta({ secret: true });

const tlsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('false: plain text'),
  ca: name.optional().describe('PEM file of the authority to trust; default: the public ones'),
  cert: name.optional().describe('PEM file of the client certificate'),
  key: name.optional().describe('PEM file of its private key'),
  serverName: name
    .optional()
    .describe('Name expected in the server certificate, when it differs from the host'),
});

export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  kafka: z
    .strictObject({
      brokers: z
        .array(z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'expected host:port'))
        .min(1)
        .default(['127.0.0.1:9092'])
        .describe('host:port of one or more brokers'),
      clientId: name.default('kafka-hive').describe('Client id shown in broker logs'),
      tls: tlsSchema.optional().describe('TLS; certificates are always checked'),
      sasl: z
        .strictObject({
          mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('SASL mechanism'),
          username: name.describe('User'),
          password: secret.describe('Password; better from the environment or a *_FILE'),
        })
        .optional(),
      connectTimeoutMs: whole(100, 5 * MINUTE)
        .default(3 * SECOND)
        .describe('Connect time-out'),
      requestTimeoutMs: whole(1000, 10 * MINUTE)
        .default(30 * SECOND)
        .describe('Request time-out'),
    })
    .prefault({}),
  hive: z
    .strictObject({
      host: name.default('127.0.0.1').describe('Host of HiveServer2'),
      port: whole(1, 65_535).default(10_000).describe('Port of HiveServer2'),
      transport: z
        .enum(['binary', 'http'])
        .default('binary')
        .describe('Thrift transport of HiveServer2'),
      httpPath: name.default('cliservice').describe('Path of the http transport'),
      auth: z
        .enum(['nosasl', 'none', 'password'])
        .default('none')
        .describe(
          'As hive.server2.authentication: nosasl = NOSASL, none = NONE (user only), password = LDAP, PAM, CUSTOM',
        ),
      username: name.default('hive').describe('User'),
      password: secret.optional().describe('Password; better from the environment or a *_FILE'),
      tls: tlsSchema.optional().describe('TLS; certificates are always checked'),
      connectTimeoutMs: whole(100, 5 * MINUTE)
        .default(10 * SECOND)
        .describe('Connect and login time-out'),
      statementTimeoutMs: whole(1000, DAY)
        .default(5 * MINUTE)
        .describe('Longest a statement may run'),
    })
    .prefault({}),
  hdfs: z
    .strictObject({
      nameNodes: z
        .array(z.url({ protocol: /^https?$/ }))
        .min(1)
        .default(['http://127.0.0.1:9870'])
        .describe('WebHDFS address of each NameNode'),
      user: name.default('hdfs').describe('User name sent to WebHDFS'),
      requestTimeoutMs: whole(100, 10 * MINUTE)
        .default(20 * SECOND)
        .describe('Longest a WebHDFS request may stay without an answer'),
      tls: tlsSchema.optional().describe('CA of an https NameNode'),
    })
    .prefault({}),
  x: z
    .strictObject({
      bearerToken: secret
        .optional()
        .describe('App-only bearer token of X; better from the environment or a *_FILE'),
      apiUrl: z.url().default('https://api.x.com').describe('Base address of the X API'),
    })
    .prefault({}),
  bluesky: z
    .strictObject({
      hosts: z
        .array(z.url({ protocol: /^wss?$/ }))
        .min(1)
        .default([
          'wss://jetstream1.us-east.bsky.network',
          'wss://jetstream2.us-east.bsky.network',
          'wss://jetstream1.us-west.bsky.network',
          'wss://jetstream2.us-west.bsky.network',
        ])
        .describe('Jetstream servers of Bluesky; the next one takes over when one fails'),
    })
    .prefault({}),
  mastodon: z
    .strictObject({
      servers: z
        .array(
          z.strictObject({
            url: z.url({ protocol: /^https?$/ }).describe('Address of the server'),
            token: secret.optional().describe('Access token of a user there: posts as they come'),
          }),
        )
        .min(1)
        .default([{ url: 'https://mastodon.social' }])
        .describe(
          'Mastodon servers, all read at once; without a token their public timeline is polled',
        ),
    })
    .prefault({}),
  openMeteo: openMeteoSchema
    .extend({
      apiKey: secret.optional().describe('Key of a paying customer; default: free of charge'),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type TlsSettings = z.output<typeof tlsSchema>;
