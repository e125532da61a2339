// What pool and child say to each other, each a list of strings in one frame.

/** First frame to a child: settings, then the prelude, then name and text of each guest library. */
export type ChildSettings = {
  readonly isolateMemoryMb: number;
  readonly keptIsolates: number;
  readonly keptIsolateRuns: number;
  readonly outputBytes: number;
  readonly logLines: number;
  readonly logBytes: number;
  readonly splitParts: number;
};

/** Head of a job frame; code, input and env follow as strings. */
export type JobHead = {
  readonly id: number;
  readonly timeoutMs: number;
  /** Set when the isolate may be kept for the next event of the same version. */
  readonly keepAs: string | null;
  /** Whether the input holds numbers that JavaScript would write otherwise. */
  readonly hasUnusualNumbers: boolean;
  readonly libraries: readonly string[];
};

/** Head of a reply; a `report` is followed by the guest's own text, which nobody trusts. */
export type ReplyHead = { readonly id: number; readonly durationMs: number } & (
  | { readonly verdict: 'ready' | 'report' | 'timeout' | 'memory' }
  | { readonly verdict: 'thrown'; readonly message: string; readonly stack: string }
  | {
      readonly verdict: 'syntax';
      readonly message: string;
      readonly line: number | null;
      readonly column: number | null;
    }
);
