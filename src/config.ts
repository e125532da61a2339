import { availableParallelism } from 'node:os';
import { isIP } from 'node:net';
import { z } from 'zod';
import {
  isHostPattern,
  isKeyOf32Bytes,
  isNetwork,
  list,
  webUrl,
  wholeNumber,
} from './config/values.ts';
import { parseNetwork } from './network.ts';

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

type Entry = {
  name: string;
  schema: z.ZodType;
  description: string;
  /** What a right value is, as the end of the sentence "NAME must be …". */
  remedy: string;
  /** The default in words, where it is none or found out at start. */
  defaultText?: string;
  secret?: true;
};

/** Every variable Sluice reads. The table in docs/configuration.md and what is logged at start are made from this. */
const entries = {
  port: {
    name: 'PORT',
    schema: wholeNumber({ min: 0, max: 65_535 }).default(8300),
    description: 'Port of ingest and the admin API; `0` picks a free one',
    remedy: 'a port number between 0 and 65535',
  },
  host: {
    name: 'HOST',
    schema: z
      .string()
      .transform((host) => host.replace(/^\[(.*)\]$/, '$1'))
      .refine((host) => isIP(host) !== 0 || /^[\w.-]+$/.test(host))
      .default('127.0.0.1'),
    description: 'Address to listen on; `0.0.0.0` or `::` accepts connections from other machines',
    remedy: 'an address or a name of this machine, without a port',
  },
  publicUrl: {
    name: 'PUBLIC_URL',
    schema: webUrl,
    description: 'Base of source URLs, if senders reach Sluice under another address',
    remedy: 'a URL like https://events.example.com',
    defaultText: 'from `HOST` and `PORT`',
  },
  allowedHosts: {
    name: 'ALLOWED_HOSTS',
    schema: list(isHostPattern),
    description:
      'Further host names under which the admin API responds, comma-separated; `*.example.com` for all names below it, `*` for any',
    remedy:
      'host names with commas between them and without ports, like sluice.internal,*.example.com',
    defaultText: 'addresses, localhost, and the hosts of `HOST` and `PUBLIC_URL`',
  },
  trustedProxies: {
    name: 'TRUSTED_PROXIES',
    schema: list(isNetwork),
    description:
      'Proxies whose `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` headers Sluice trusts: networks or addresses, comma-separated',
    remedy: 'networks or addresses with commas between them, like 10.0.0.0/8,192.0.2.7',
    defaultText: 'none',
  },
  proxyProtocol: {
    name: 'PROXY_PROTOCOL',
    schema: z
      .stringbool({ truthy: ['true', '1', 'on'], falsy: ['false', '0', 'off'] })
      .default(false),
    description: 'Connections from `TRUSTED_PROXIES` begin with a PROXY header, version 1 or 2',
    remedy: 'true or false',
  },
  maxConnections: {
    name: 'MAX_CONNECTIONS',
    schema: wholeNumber({ min: 10, max: 1_000_000 }).default(10_000),
    description: 'Open connections at most; half for one address that is not a trusted proxy',
    remedy: 'a whole number between 10 and 1000000',
  },
  ingestMemoryMib: {
    name: 'INGEST_MEMORY_MIB',
    schema: wholeNumber({ min: 128, max: 65_536 }).default(256),
    description: 'Memory (MiB) for request bodies being received; beyond it, senders wait',
    remedy: 'a whole number between 128 and 65536',
  },
  ingestMemoryPerAddressMib: {
    name: 'INGEST_MEMORY_PER_ADDRESS_MIB',
    schema: wholeNumber({ min: 10, max: 32_768 }).default(64),
    description: 'How much of it one address may use for bodies larger than 64 KiB',
    remedy: 'a whole number between 10 and 32768',
  },
  bodyMinBytesPerSecond: {
    name: 'BODY_MIN_BYTES_PER_SECOND',
    schema: wholeNumber({ min: 0, max: 1_000_000 }).default(512),
    description: 'Sluice gives up on a body that arrives more slowly than this for ten seconds',
    remedy: 'a whole number between 0 and 1000000',
  },
  dataDir: {
    name: 'DATA_DIR',
    schema: z.string().default('.data'),
    description: 'Directory for embedded servers and generated secrets; one gateway each',
    remedy: 'a path',
  },
  apiKey: {
    name: 'API_KEY',
    schema: z.string().min(16).optional(),
    description: 'API key of the operator; a changed value replaces it at the next start',
    remedy: 'at least 16 characters long',
    defaultText: 'generated at first start, kept in `DATA_DIR`',
    secret: true,
  },
  databaseUrl: {
    name: 'DATABASE_URL',
    schema: z.string().startsWith('postgres').optional(),
    description: 'URL of a PostgreSQL (15 or later) to use instead of the embedded one',
    remedy: 'a URL like postgres://user:password@host:5432/database',
    defaultText: 'embedded',
    secret: true,
  },
  temporalAddress: {
    name: 'TEMPORAL_ADDRESS',
    schema: z
      .string()
      .regex(/^(\[[0-9a-f:.]+\]|[^\s:/]+):\d{1,5}$/i)
      .optional(),
    description: 'Address of a Temporal server to use instead of the embedded one',
    remedy: 'host:port without a scheme, like temporal.example.com:7233',
    defaultText: 'embedded',
  },
  temporalNamespace: {
    name: 'TEMPORAL_NAMESPACE',
    schema: z.string().regex(/^\S+$/).default('default'),
    description: 'Temporal namespace of the workflows; on your own server it must exist',
    remedy: 'a name without spaces',
  },
  temporalCli: {
    name: 'TEMPORAL_CLI',
    schema: z.string().optional(),
    description: 'Path of the `temporal` program that runs the embedded server',
    remedy: 'a path',
    defaultText: 'from `PATH`, or fetched once',
  },
  temporalUiPort: {
    name: 'TEMPORAL_UI_PORT',
    schema: wholeNumber({ min: 1, max: 65_535 }).default(8233),
    description: "Port of the embedded server's Web UI; if it is taken, Sluice picks a free one",
    remedy: 'a port number between 1 and 65535',
  },
  temporalUiUrl: {
    name: 'TEMPORAL_UI_URL',
    schema: webUrl,
    description: 'Base URL of the Temporal Web UI, for links, if you run your own Temporal',
    remedy: 'a URL like https://temporal-ui.example.com',
    defaultText: "the embedded server's",
  },
  dispatchMaxBatch: {
    name: 'DISPATCH_MAX_BATCH',
    schema: wholeNumber({ min: 1, max: 10_000 }).default(200),
    description: 'Requests per workflow at most; `1` gives each request its own workflow',
    remedy: 'a whole number between 1 and 10000',
  },
  dispatchConcurrency: {
    name: 'DISPATCH_CONCURRENCY',
    schema: wholeNumber({ min: 1, max: 100 }).default(() =>
      Math.max(1, Math.floor(availableParallelism() / 2)),
    ),
    // Measured on two cores at 300/s and 1,000/s: with 2 the batches are half as large and everything waits twice as long.
    description: 'Batches a worker routes in parallel; more make smaller batches and raise latency',
    remedy: 'a whole number between 1 and 100',
    defaultText: 'half the number of cores',
  },
  egressAllowCidrs: {
    name: 'EGRESS_ALLOW_CIDRS',
    schema: list((cidr) => parseNetwork(cidr) !== null),
    description: 'Private networks that deliveries may reach, comma-separated',
    remedy: 'networks with commas between them, like 10.0.0.0/8,127.0.0.0/8',
    defaultText: 'none',
  },
  retryAfterMaxSeconds: {
    name: 'RETRY_AFTER_MAX_SECONDS',
    schema: wholeNumber({ min: 1, max: 2_000_000 }).default(86_400),
    description: "Longest wait (seconds) that Sluice grants a receiver's `Retry-After`",
    remedy: 'a whole number of seconds between 1 and 2000000',
  },
  retentionDays: {
    name: 'RETENTION_DAYS',
    schema: wholeNumber({ min: 1, max: 3_650 }).default(30),
    description: 'Days after which requests, events and attempts are removed',
    remedy: 'a whole number between 1 and 3650',
  },
  rejectedBodyKb: {
    name: 'REJECTED_BODY_KB',
    schema: wholeNumber({ min: 0, max: 10_240 }).default(64),
    description: 'kB of body that Sluice keeps of a request that fails verification',
    remedy: 'a whole number between 0 and 10240',
  },
  rejectedMaxMb: {
    name: 'REJECTED_MAX_MB',
    schema: wholeNumber({ min: 1, max: 1_000_000 }).default(1_024),
    description: 'MB for all requests that failed verification; the oldest are removed first',
    remedy: 'a whole number between 1 and 1000000',
  },
  encryptionKey: {
    name: 'ENCRYPTION_KEY',
    schema: z.string().refine(isKeyOf32Bytes).optional(),
    description: 'Encrypts the secrets of sources and destinations: 32 bytes in hex or base64',
    remedy: '32 bytes in hex or base64, as "openssl rand -hex 32" prints them',
    defaultText: 'generated at first start, kept in `DATA_DIR`',
    secret: true,
  },
  logLevel: {
    name: 'LOG_LEVEL',
    schema: z.enum(levels).default('info'),
    description: `Lowest level that is logged: ${levels.map((level) => `\`${level}\``).join(', ')}`,
    remedy: `one of ${levels.join(', ')}`,
  },
  sandboxChildren: {
    name: 'SANDBOX_CHILDREN',
    schema: wholeNumber({ min: 1, max: 256 }).default(() => availableParallelism()),
    description: 'Processes that run transformations',
    remedy: 'a whole number between 1 and 256',
    defaultText: 'number of cores',
  },
} as const satisfies Record<string, Entry>;

type Entries = typeof entries;

/** What the environment says, checked; a value that is not set and has no default is undefined. */
export type Config = { [Field in keyof Entries]: z.output<Entries[Field]['schema']> };

/** The environment holds values that cannot be used; the message has one sentence for each of them. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const fields = Object.entries(entries) as [keyof Config, Entry][];

/** Reads and checks the environment; an empty value counts as not set. Throws ConfigError naming every wrong variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const schema = z.object(
    Object.fromEntries(fields.map(([field, { schema }]) => [field, schema])),
  ) as unknown as z.ZodType<Config>;
  const given = fields.map(([field, { name }]) => [field, env[name]?.trim() || undefined] as const);
  const result = schema.safeParse(Object.fromEntries(given));
  if (result.success) return fitting(result.data);

  const wrong = new Set(result.error.issues.map((issue) => issue.path[0] as keyof Config));
  const sentences = fields
    .filter(([field]) => wrong.has(field))
    .map(([, { name, remedy, secret }]) =>
      secret
        ? `${name} must be ${remedy}.`
        : `${name} must be ${remedy}, and is ${JSON.stringify(env[name])}.`,
    );
  throw new ConfigError(sentences.join('\n'));
}

/** The configuration, if its values fit each other; throws ConfigError where they do not. */
function fitting(config: Config): Config {
  const { proxyProtocol, trustedProxies = [], ingestMemoryMib, ingestMemoryPerAddressMib } = config;
  const sentences: string[] = [];
  if (proxyProtocol && trustedProxies.length === 0) {
    sentences.push(
      'PROXY_PROTOCOL needs TRUSTED_PROXIES. Set it to the addresses of the proxies that send PROXY headers.',
    );
  }
  if (ingestMemoryPerAddressMib > ingestMemoryMib) {
    sentences.push(
      `INGEST_MEMORY_PER_ADDRESS_MIB must be at most INGEST_MEMORY_MIB (${ingestMemoryMib}), and is ${ingestMemoryPerAddressMib}.`,
    );
  }
  if (sentences.length > 0) throw new ConfigError(sentences.join('\n'));
  return config;
}

/** The configuration as it may be printed, by variable name: secrets only as set or not set. */
export function describeConfig(config: Config): Record<string, string> {
  return Object.fromEntries(
    fields.map(([field, { name, secret }]) => {
      const value = config[field];
      const shown = secret ? 'set' : String(value);
      return [name, value === undefined ? 'not set' : shown];
    }),
  );
}

/** The table of all variables in Markdown, as docs/configuration.md shows it. */
export function configTable(): string {
  const defaults = readConfig({});
  const rows = fields.map(([field, { name, defaultText, description }]) => {
    const shown = defaultText ?? `\`${String(defaults[field])}\``;
    return `| \`${name}\` | ${shown} | ${description} |`;
  });
  return ['| Variable | Default | What it does |', '| --- | --- | --- |', ...rows].join('\n');
}
