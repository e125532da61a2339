import type { Isolation } from '../domain/schema/transformation.ts';
import type { LOG_LEVELS, EXECUTION_OUTCOMES } from '../domain/schema/transformation-execution.ts';

/** Where code did not pass its check: a sentence, and where in the code, both counted from one. */
export type CodeVerdict =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'rejected_source';
      readonly message: string;
      readonly line?: number;
      readonly column?: number;
    };

export type CodeJob = {
  tenant: string;
  transformationId: string;
  version: string;
  code: string;
  env: Record<string, string>;
  isolation: Isolation;
  /** JSON text of `{ request, context }`. */
  input: string;
};

/** A request as code returned it; the body is its text. */
export type ReturnedRequest = {
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly bodyKind: 'json' | 'text' | 'empty';
};

/** How a test run ended. */
export type CodeOutcome = {
  readonly kind: (typeof EXECUTION_OUTCOMES)[number];
  readonly requests?: readonly ReturnedRequest[];
  readonly reason?: string;
  readonly message?: string;
  readonly line?: number;
  readonly column?: number;
  readonly logs: readonly {
    readonly type: 'debug' | 'log' | 'info' | 'warn' | 'error';
    readonly message: string;
  }[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly durationMs: number;
};

/** Runs other people's code, never in this process. */
export type CodeSandbox = {
  /** Whether code parses, and its top level runs and registers a handler. */
  check(code: string, env: Record<string, string>): Promise<CodeVerdict>;
  run(job: CodeJob): Promise<CodeOutcome>;
};
