import type { Received } from './received.ts';
import type { Refused, Settled, Verdict } from './verdict.ts';

type FetchedDocument = { status: number; body: Buffer };

export type FetchOptions = {
  maxBytes: number;
  timeoutMs: number;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
};

/** The network as verification sees it; the caller's goes through the egress guard and follows no redirects. */
export type FetchDocument = (url: string, options: FetchOptions) => Promise<FetchedDocument>;

/** Documents that verification trusts: fetched from pinned places, capped and kept. Failures are values. */
export type Keys = {
  /** A PEM certificate from a URL the caller has validated. */
  certificate: (url: string) => Promise<{ pem: string } | Refused>;
  /** A JSON document such as a key set. `fresh` asks again, at most once a minute for each URL. */
  json: (
    url: string,
    options?: {
      fresh?: boolean;
      fetch?: Pick<FetchOptions, 'method' | 'headers' | 'body'>;
      keepForMs?: number;
    },
  ) => Promise<{ value: unknown } | Refused>;
  /** A document that was fetched and is still good; asks nobody. */
  known?: (url: string) => { value: unknown } | undefined;
};

/** One source's verification, compiled. */
export type Verifier = {
  /** Takes the verdict at the time of receipt; never throws, never touches the network. */
  verify: (received: Received) => Verdict;
  /** Settles a deferred verdict; present only where `verify` may defer. */
  settle?: (received: Received, keys: Keys) => Promise<Settled>;
  /** The provider's protocol wants the verdict in the answer, so it is settled before answering. */
  inline: boolean;
};
