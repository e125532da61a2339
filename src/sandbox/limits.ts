/** What one piece of user code may use; every number can be lowered or raised when the pool is made. */
export type SandboxLimits = {
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly killGraceMs: number;
  readonly residentBytes: number;
  readonly dataBytes: number;
  readonly isolateMemoryMb: number;
  readonly sourceBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly logLines: number;
  readonly logBytes: number;
  readonly splitParts: number;
  readonly recycleJobs: number;
  readonly recycleAgeMs: number;
  readonly keptIsolates: number;
  readonly keptIsolateRuns: number;
  readonly slowAfterMs: number;
  readonly provingRuns: number;
  readonly suspectRests: number;
  readonly suspectPatienceMs: number;
  readonly suspectWaitMs: number;
  readonly circuitKills: number;
  readonly circuitWindowMs: number;
};

/** The limits a gateway runs with unless it is told otherwise. */
export const DEFAULT_LIMITS: SandboxLimits = {
  // Code brought from other gateways was written for one second; a shorter default would break
  // it silently. The pool stays fair at that value because a slow transformation never holds the
  // last child (see fair-queue.ts).
  defaultTimeoutMs: 1_000,
  maxTimeoutMs: 5_000,
  killGraceMs: 500,
  residentBytes: 300 * 1024 * 1024,
  dataBytes: 256 * 1024 * 1024,
  isolateMemoryMb: 32,
  sourceBytes: 256 * 1024,
  inputBytes: 1024 * 1024,
  outputBytes: 1024 * 1024,
  logLines: 100,
  logBytes: 64 * 1024,
  splitParts: 1_000,
  recycleJobs: 5_000,
  recycleAgeMs: 10 * 60_000,
  // Kept isolates share the child's 256 MB with the one at work.
  keptIsolates: 4,
  keptIsolateRuns: 200,
  slowAfterMs: 100,
  // Code that is slow by turns is slow.
  provingRuns: 50,
  // Of one core, versions that ran out of their time take a sixth at most.
  suspectRests: 5,
  // Who has waited so long when another run of the same version ran out of its time is not run either;
  // nor is anybody after the second of these, whom other suspects kept waiting.
  suspectPatienceMs: 2_000,
  suspectWaitMs: 20_000,
  circuitKills: 5,
  circuitWindowMs: 10 * 60_000,
};
