import type { ByteEncoding } from './decoders.ts';
import type { Place } from './place.ts';

/** What turns signed content and a key into a signature. `hash-*` are plain digests over content with the secret in it. */
export type SignatureAlgorithm =
  | `hmac-${'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'}`
  | `hash-${'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'}`
  | `rsa-${'sha1' | 'sha256' | 'sha512'}`
  | `rsa-pss-${'sha256' | 'sha512'}`
  | 'ecdsa-sha256'
  | 'ed25519';

/** How the text a person pastes becomes key bytes. */
export type KeyEncoding = 'utf8' | 'hex' | 'base64' | 'whsec' | 'public';

/** How signatures stand in their header. */
export type SignatureLayout =
  | { kind: 'raw' }
  /** `sha256=…` */
  | { kind: 'prefix'; prefix: string }
  /** `t=…,v1=…`; `groups` splits the value into several sets of pairs first */
  | { kind: 'pairs'; separator: string; signature: string; groups?: string }
  /** `v1,a v1,b` or `v1=a,v1=b`: entries of which only those with the prefix count */
  | {
      kind: 'list';
      separator: string;
      prefix: string;
      /** The header itself may come several times, which its sender does while it changes its key. */
      repeated?: true;
    }
  /** `1659641851,sig,sig`: positions count */
  | { kind: 'positions'; separator: string; timestampAt: number; signatureFrom: number }
  /** `X-DocuSign-Signature-1`, `-2`, …: one signature a header */
  | { kind: 'numbered' };

export type TimestampRule = {
  from: Place;
  /** `auto` reads 12 and more digits as milliseconds, for providers whose documentation contradicts itself. */
  unit: 's' | 'ms' | 'iso' | 'auto';
  /** Default tolerance; a source may set its own. Null: the provider has none. */
  toleranceMs: number | null;
};

/** A signature over a template of the request: nearly every provider. */
export type SignedScheme = {
  kind: 'signed';
  algorithm: SignatureAlgorithm;
  key: KeyEncoding;
  signature: Place;
  layout: SignatureLayout;
  encoding: ByteEncoding;
  /** Template, for example `{pair:t}.{body}`; see engine/template.ts for its words. */
  content: string;
  timestamp?: TimestampRule;
  /** What makes a delivery unique. `none`: equal bodies are legitimate, so nothing marks a replay. */
  replay: 'signature' | 'none' | Place;
  over: 'wire' | 'decoded';
  /** The scheme signs the URL: a source may register it with `registered_url`. */
  bindsUrl: boolean;
};

/** A shared value that comes with every request. */
export type TokenScheme = { kind: 'token'; place: Place; prefix?: string; field: string };

type BasicScheme = { kind: 'basic' };

/** Verified by code under plugins/, chosen by name. */
type PluginScheme = { kind: 'plugin'; name: string; options?: Record<string, string> };

/** Several ways, any of which is enough. */
export type AnyScheme = { kind: 'any'; of: readonly Scheme[] };

/** The configuration's `field` says which. */
export type ChoiceScheme = {
  kind: 'choice';
  field: string;
  fallback: string;
  of: Readonly<Record<string, Scheme>>;
};

/** The scheme comes from the configuration: algorithm, encoding, header, template. */
export type SettingsScheme = {
  kind: 'settings';
  key: 'secret' | 'public';
  defaults: { header_key?: string; signature_prefix?: string };
};

type NoScheme = { kind: 'none' };

export type Scheme =
  | SignedScheme
  | TokenScheme
  | BasicScheme
  | PluginScheme
  | AnyScheme
  | ChoiceScheme
  | SettingsScheme
  | NoScheme;
