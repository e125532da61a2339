import type { Database } from '../db/pool.ts';
import type { Sealer } from '../db/sealing.ts';
import type { Authenticate } from './auth.ts';
import type { PayloadWriter } from './payload-writer.ts';
import type { CodeSandbox } from './code-sandbox.ts';
import type { Commands } from './commands.ts';

/** A log as the API writes it. */
export type ApiLog = {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** Everything the API is made of. */
export type ApiDeps = {
  db: Database;
  sealer: Sealer;
  commands: Commands;
  sandbox: CodeSandbox;
  payloads: PayloadWriter;
  log: ApiLog;
  /** Absent: one of its own. */
  authenticate?: Authenticate;
  /** Keys have changed in this process. */
  keysChanged?: () => void;
  /** What source URLs begin with, without a slash at the end. */
  publicUrl: string;
  temporalUiUrl: string;
  /** The Temporal namespace, for links into its Web UI. */
  namespace: string;
  /** For how long events are kept. */
  retentionDays: number;
  sourceTypes: readonly string[];
  validateSourceConfig(
    type: string,
    config: unknown,
  ):
    { ok: true } | { ok: false; errors: { path: string | (string | number)[]; message: string }[] };
  /** Why deliveries to this URL would be refused, in words; null where they would not be. */
  checkUrl?(url: string): Promise<string | null>;
  /** What is counted, in Prometheus' text. */
  metrics?: () => Promise<{ contentType: string; body: string }>;
  /** What has to be there before traffic is welcome; each throws or rejects where it is not. */
  /** What somebody should look at although the gateway works. */
  notes?: () => Promise<string[]>;
  ready: { postgresql(): Promise<unknown>; temporal(): Promise<unknown> };
};
