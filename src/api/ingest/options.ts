import type { IncomingMessage } from 'node:http';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Source } from '../../db/configuration.ts';
import type { Log } from '../../log.ts';
import type { SourceType } from '../../verification/source-types.ts';
import type { Keys } from '../../verification/verifier.ts';
import type { BodyBudget } from './body-budget.ts';
import type { RequestStore } from './store.ts';
import type { RejectedBodies } from './rejected-bodies.ts';

/** A request on the wire, with the time it came. */
export type Incoming = { req: IncomingMessage; receivedAtMs: number };

/** Everything ingest is made of. */
export type IngestOptions = {
  configuration: Configuration;
  store: RequestStore;
  /** The project of an `Authorization` header, for the Publish API. */
  authenticate: (
    authorization: string | undefined,
    address: string | null,
  ) => Promise<string | null>;
  keys: Keys;
  /** Keeps a secret that a provider handed over in its handshake. */
  keepSecret: (source: Source, secret: { field: string; value: string }) => Promise<void>;
  /** Fetches the address by which a provider wants a subscription confirmed; false where that failed. */
  confirm: (url: string) => Promise<boolean>;
  /** Writes how a handshake turned out that was answered before that was known. */
  noteHandshake: (note: {
    requestId: string;
    verified: boolean;
    detail: { reason: string; hint: string | null } | null;
  }) => Promise<void>;
  /** The ids of the sources of a type, the oldest first. */
  sourcesOfType: (type: SourceType) => Promise<string[]>;
  /** What source URLs begin with, without a slash at the end. */
  publicUrl: string;
  /** Whether it was set, and not made of what is listened on. */
  isPublicUrlSet?: boolean;
  maxBodyBytes: number;
  budget: BodyBudget;
  /** What is kept of requests that are refused. */
  rejectedBodies: RejectedBodies;
  log: Log;
};
