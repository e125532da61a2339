/** Why a request is not verified; shown on the request, in the API and in the log. */
export const VerificationReason = {
  MISSING_SIGNATURE: 'MISSING_SIGNATURE',
  MISSING_TIMESTAMP: 'MISSING_TIMESTAMP',
  DUPLICATE_SIGNATURE: 'DUPLICATE_SIGNATURE',
  MALFORMED: 'MALFORMED',
  WRONG_SECRET_OR_BODY: 'WRONG_SECRET_OR_BODY',
  WRONG_CREDENTIALS: 'WRONG_CREDENTIALS',
  WRONG_CLAIMS: 'WRONG_CLAIMS',
  WRONG_ALGORITHM: 'WRONG_ALGORITHM',
  TIMESTAMP_TOO_OLD: 'TIMESTAMP_TOO_OLD',
  TIMESTAMP_IN_FUTURE: 'TIMESTAMP_IN_FUTURE',
  REPLAYED: 'REPLAYED',
  NO_ACTIVE_SECRET: 'NO_ACTIVE_SECRET',
  UNTRUSTED_KEY_URL: 'UNTRUSTED_KEY_URL',
  KEY_NOT_FOUND: 'KEY_NOT_FOUND',
  KEY_UNAVAILABLE: 'KEY_UNAVAILABLE',
  BODY_NOT_DECODABLE: 'BODY_NOT_DECODABLE',
} as const;
export type VerificationReason = (typeof VerificationReason)[keyof typeof VerificationReason];

type Accepted = {
  verified: true;
  replayKey?: string;
  /** Until when the sender could come with the same again, where the request itself says so. */
  replayUntilMs?: number;
  idempotencyKey?: string;
};
export type Refused = { verified: false; reason: VerificationReason; hint?: string };

export type Settled = Accepted | Refused;

/** The verifier's `settle` takes the verdict: with the network, or, where it is `local`, without asking anybody. */
export type Deferred = { deferred: true; local?: true };

export type Verdict = Settled | Deferred;

/** Whether a verdict still has to be settled. */
export function isDeferred(verdict: Verdict): verdict is Deferred {
  return 'deferred' in verdict;
}

export function refused(reason: VerificationReason, hint?: string): Refused {
  return hint === undefined ? { verified: false, reason } : { verified: false, reason, hint };
}

export function accepted({
  replayKey,
  replayUntilMs,
}: { replayKey?: string | undefined; replayUntilMs?: number | undefined } = {}): Accepted {
  if (replayKey === undefined) return { verified: true };
  return {
    verified: true,
    replayKey,
    ...(replayUntilMs === undefined ? {} : { replayUntilMs }),
  };
}
