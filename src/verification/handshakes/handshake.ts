import type { Received } from '../received.ts';
import type { SourceConfig } from '../source-config.ts';

export type HandshakeAnswer = {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The question was signed, and rightly. */
  verified?: true;
  /** A secret the provider has just handed over, for this field of `auth`. */
  storeSecret?: { field: string; value: string };
  /** Why a question was refused, for the operator who looks for the reason; short, with the remedy. */
  refusal?: string;
  /** A validated address to fetch once the request itself was verified. */
  fetch?: string;
};

export type HandshakeInput = {
  received: Received;
  config: SourceConfig;
  /** The source is being set up: a secret that it lacks may be taken from the question. */
  takesSecret: boolean;
  /** The JSON body, parsed when first asked for; undefined where it is none. */
  readonly json: unknown;
  /** The JSON body where it is an object, else empty. */
  readonly body: Readonly<Record<string, unknown>>;
  query: URLSearchParams;
  isVerified: () => boolean;
  /** The source verifies its requests, and this one is not its provider's. */
  isRefused: () => boolean;
};

/** Null: the request is no handshake. */
export type Handshake = (input: HandshakeInput) => HandshakeAnswer | null;
