import type { z } from 'zod';
import { secretText } from '../auth-fields.ts';
import type { ByteEncoding } from '../engine/decoders.ts';
import type { Place } from '../engine/place.ts';
import type {
  KeyEncoding,
  Scheme,
  SettingsScheme,
  SignatureAlgorithm,
  SignatureLayout,
  SignedScheme,
  TimestampRule,
} from '../engine/scheme.ts';
import type { HandshakeName } from '../handshakes/name.ts';
import type { DeliveryId } from './ids/define.ts';

export type Answer = { status: number; contentType: string; body: string };

/** What the gateway knows about one kind of source. */
export type SourceTypeDefinition = {
  label: string;
  /** Fields of `auth`, without the common ones. */
  fields: Readonly<Record<string, z.ZodType>>;
  /** Which field holds the secret that can be rotated; null where there is none. */
  secretField: string | null;
  /** Verification may be left out: the provider signs nothing, or only sometimes. */
  optional: boolean;
  /** Fields that switch verification on without the secret, where it may be left out. */
  otherKeys: readonly string[];
  scheme: Scheme;
  /** `generic`: the provider's scheme is not known for certain, so the configuration says it. */
  certainty: 'exact' | 'generic' | 'unsigned';
  /** What the provider wants to hear; null for the gateway's own answer. */
  answer: Answer | null;
  unverifiedStatus: 200 | 401;
  /** What makes a delivery the same delivery again; null: its provider sends no id. */
  idempotency: DeliveryId | null;
  handshake: HandshakeName | null;
  /** The provider's protocol wants the verdict in the answer. */
  inline: boolean;
  note: string | null;
};

export type ProviderTable = Readonly<Record<string, SourceTypeDefinition>>;

type Options = Partial<Omit<SourceTypeDefinition, 'label' | 'scheme'>>;

/** Defines a source type; most take one `webhook_secret_key`. */
export function provider(
  label: string,
  scheme: Scheme,
  options: Options = {},
): SourceTypeDefinition {
  return {
    label,
    scheme,
    fields: { webhook_secret_key: secretText },
    secretField: 'webhook_secret_key',
    optional: false,
    otherKeys: [],
    certainty:
      scheme.kind === 'settings' ? 'generic' : scheme.kind === 'none' ? 'unsigned' : 'exact',
    answer: null,
    unverifiedStatus: 200,
    idempotency: null,
    handshake: null,
    inline: false,
    note: null,
    ...options,
  };
}

type SignedOptions = {
  algorithm?: SignatureAlgorithm;
  encoding?: ByteEncoding;
  key?: KeyEncoding;
  layout?: SignatureLayout;
  content?: string;
  timestamp?: TimestampRule;
  replay?: SignedScheme['replay'];
  over?: 'wire' | 'decoded';
};

/** A signature scheme; hex HMAC-SHA256 over the body unless the options say otherwise. */
export function signed(signature: Place, options: SignedOptions = {}): SignedScheme {
  const content = options.content ?? '{body}';
  const { timestamp } = options;
  return {
    kind: 'signed',
    algorithm: options.algorithm ?? 'hmac-sha256',
    encoding: options.encoding ?? 'hex',
    key: options.key ?? 'utf8',
    signature,
    layout: options.layout ?? { kind: 'raw' },
    content,
    ...(timestamp === undefined ? {} : { timestamp }),
    replay: options.replay ?? (timestamp === undefined ? 'none' : 'signature'),
    over: options.over ?? 'decoded',
    bindsUrl: /\{(?:url|decodedUrl|pathAndQuery)\}/.test(content),
  };
}

export function prefixed(prefix: string): SignatureLayout {
  return { kind: 'prefix', prefix };
}

/** `t=…,v1=…` */
export function pairs(
  signature: string,
  { separator = ',', groups }: { separator?: string; groups?: string } = {},
): SignatureLayout {
  return groups === undefined
    ? { kind: 'pairs', separator, signature }
    : { kind: 'pairs', separator, signature, groups };
}

export function list(separator: string, prefix = ''): SignatureLayout {
  return { kind: 'list', separator, prefix };
}

/** A timestamp that is signed with the request; five minutes of tolerance unless the provider says otherwise. */
export function stamped(
  from: Place,
  unit: TimestampRule['unit'],
  toleranceSeconds = 300,
): TimestampRule {
  return { from, unit, toleranceMs: toleranceSeconds * 1000 };
}

/** Standard Webhooks, with the header names of the specification or Svix's own. */
export function standardWebhooks(): Scheme {
  return { kind: 'any', of: [standardWebhooksScheme('webhook'), standardWebhooksScheme('svix')] };
}

function standardWebhooksScheme(stem: string): SignedScheme {
  return signed(`header:${stem}-signature`, {
    encoding: 'base64',
    key: 'whsec',
    layout: list(' ', 'v1,'),
    content: `{header:${stem}-id}.{header:${stem}-timestamp}.{body}`,
    timestamp: stamped(`header:${stem}-timestamp`, 's'),
    replay: `header:${stem}-id`,
  });
}

/** The scheme is in the configuration; defaults are what the provider is known to use. */
export function settings(
  key: SettingsScheme['key'],
  defaults: SettingsScheme['defaults'] = {},
): SettingsScheme {
  return { kind: 'settings', key, defaults };
}

export function plugin(name: string, options: Record<string, string> = {}): Scheme {
  return { kind: 'plugin', name, options };
}
