/**
 * How apart two runs of the same transformation are kept. `strict`: every event gets a new V8
 * isolate. `fast`: the isolate is kept for one version of one transformation of one tenant and every
 * event gets a new context in it, about five times cheaper; what a hostile program leaves in
 * the isolate's heap can then reach later events of the same transformation, never another one.
 */
export const Isolation = { Strict: 'strict', Fast: 'fast' } as const;
export type Isolation = (typeof Isolation)[keyof typeof Isolation];

/** One version of a transformation, as one tenant runs it. */
export type CodeVersion = {
  readonly tenant: string;
  readonly transformationId: string;
  readonly version: string;
};

/** One run of one transformation on one request; `input` is the JSON text of `{ request, context }`. */
export type TransformJob = CodeVersion & {
  readonly code: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeoutMs?: number;
  readonly isolation?: Isolation;
};

export const LogType = {
  Debug: 'debug',
  Log: 'log',
  Info: 'info',
  Warn: 'warn',
  Error: 'error',
} as const;
export type LogType = (typeof LogType)[keyof typeof LogType];

export const LogLevel = {
  Debug: 'debug',
  Info: 'info',
  Warn: 'warn',
  Error: 'error',
  Fatal: 'fatal',
} as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

export type LogLine = { readonly type: LogType; readonly message: string };

/** What a JSON body, a text body and no body have in common once they left the guest: their text. */
export const BodyKind = { Json: 'json', Text: 'text', Empty: 'empty' } as const;
export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

/**
 * A request as a transformation returned it, checked. The body stays text, so nothing a guest made
 * is merged into our objects or serialised a second time. `content-length` is ours, not the guest's.
 */
export type GuestRequest = {
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly bodyKind: BodyKind;
};

/** A place in the user's own code; both count from one. */
export type SourcePosition = { readonly line?: number; readonly column?: number };

export type TransformResult =
  | { readonly kind: 'ok'; readonly requests: readonly GuestRequest[]; readonly split: boolean }
  | { readonly kind: 'drop'; readonly reason: string }
  | ({
      readonly kind: 'user_error';
      readonly message: string;
      readonly stack?: string;
    } & SourcePosition)
  | ({ readonly kind: 'rejected_source'; readonly message: string } & SourcePosition)
  | {
      readonly kind: 'result_error' | 'timeout' | 'async_hang' | 'memory' | 'killed' | 'too_large';
      readonly message: string;
    };

/** How a run ended; none of these is worth a second try with the same code and input. */
export type TransformOutcome = TransformResult & {
  readonly logs: readonly LogLine[];
  readonly logLevel: LogLevel;
  readonly durationMs: number;
  readonly queueMs: number;
};

/** The verdict of the check at save time: the code parses and registers a handler. */
export type CheckOutcome =
  | { readonly kind: 'ok' }
  | ({ readonly kind: 'rejected_source'; readonly message: string } & SourcePosition);
