import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatch } from '../domain/delivery.ts';
import { RejectionCause } from '../domain/status.ts';
import { replayScope, type FirstClaim } from '../db/claims.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import type { Source } from '../db/configuration.ts';
import { timeOfId } from '../db/ids.ts';
import type { Database } from '../db/pool.ts';
import {
  listUnverified,
  readUnverified,
  setApart,
  settleVerdicts,
  type LateVerdict,
  type UnverifiedRequest,
} from '../db/verdicts.ts';
import { withDecodedBody } from '../verification/decoding.ts';
import { createOpener, type Open } from '../verification/opening.ts';
import { candidatesOf, type Received } from '../verification/received.ts';
import { gateOf, onceKeys, schemaDetail, type SourceGate } from '../verification/source-gate.ts';
import { refused, VerificationReason, type Verdict } from '../verification/verdict.ts';
import type { Keys, Verifier } from '../verification/verifier.ts';

export type VerificationActivities = {
  /** Takes the verdicts that could not be taken when the requests arrived; those refused go no further. */
  verifyRequests(dispatch: Dispatch): Promise<void>;
};

type Dependencies = {
  db: Database;
  configuration: Configuration;
  keys: Keys;
  /** What source URLs begin with, without a slash at the end. */
  publicUrl: string;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Hears that requests which had been set apart wait to be dispatched again. */
  onSettled: () => void;
  /** How long to wait before each further try where a key server does not answer. */
  retryAfterMs?: readonly number[];
};

/** With what verdicts are taken; `open`: one large body after the other, because nobody waits for them. */
type Judge = Dependencies & { open: Open };

type Taken = Exclude<Verdict, { deferred: true }>;
type Judged = { verdict: LateVerdict; isOutage: boolean };

// Longer than a failed fetch is remembered, so that each try asks anew.
const RETRY_AFTER_MS = [2_500, 5_000, 15_000];
const SLICE_BYTES = 16 * 1024 * 1024;
const SLICE_REQUESTS = 100;

export function createVerificationActivities(dependencies: Dependencies): VerificationActivities {
  const deps: Judge = { ...dependencies, open: createOpener({ atOnce: 1 }) };
  return {
    async verifyRequests(dispatch) {
      const waiting = await listUnverified(deps.db, dispatch);
      if (waiting.length === 0) return;
      const left = await settle(deps, slicesOf(waiting));
      if (left.length === 0) return;
      // A key server that is away is no verdict on anybody, and must not hold up the requests beside.
      const requestIds = left.flat();
      await setApart(deps.db, { dispatchId: dispatch.dispatchId, requestIds });
      void tryAgain(deps, left).catch((error: unknown) =>
        deps.log.warn({ error, requests: requestIds.length }, 'Verdicts could not be taken'),
      );
    },
  };
}

/** Bodies are read a few at a time: hundreds may wait, and each may be large. */
function slicesOf(waiting: { id: string; bytes: number }[]): string[][] {
  const slices: string[][] = [];
  let bytes = Infinity;
  for (const request of waiting) {
    const isFull = bytes + request.bytes > SLICE_BYTES || slices.at(-1)?.length === SLICE_REQUESTS;
    if (isFull) slices.push([]);
    bytes = request.bytes + (isFull ? 0 : bytes);
    slices.at(-1)?.push(request.id);
  }
  return slices;
}

async function tryAgain(deps: Judge, slices: string[][]): Promise<void> {
  const delays = deps.retryAfterMs ?? RETRY_AFTER_MS;
  let left = slices;
  for (const [index, delayMs] of delays.entries()) {
    await sleep(delayMs, undefined, { ref: false });
    left = await settle(deps, left, { isLast: index === delays.length - 1 });
    deps.onSettled();
    if (left.length === 0) return;
  }
}

/** Takes and writes verdicts; returns, slice by slice, those that wait for a key server. */
async function settle(
  deps: Judge,
  slices: string[][],
  { isLast = false }: { isLast?: boolean } = {},
): Promise<string[][]> {
  const left: string[][] = [];
  for (const slice of slices) {
    const requests = await readUnverified(deps.db, slice);
    const judged = await Promise.all(requests.map((request) => judge(deps, request)));
    const settled = judged.filter(({ isOutage }) => isLast || !isOutage);
    await settleVerdicts(
      deps.db,
      settled.map(({ verdict }) => verdict),
    );
    for (const { verdict } of settled) tell(deps, verdict);
    const waiting = judged.filter((each) => !settled.includes(each));
    if (waiting.length > 0) left.push(waiting.map(({ verdict }) => verdict.requestId));
  }
  return left;
}

function tell({ log }: Dependencies, { requestId, cause, detail }: LateVerdict): void {
  if (cause === null) return;
  log.info({ request: requestId, cause, ...(detail as object) }, 'Not accepted');
}

async function judge(deps: Judge, request: UnverifiedRequest): Promise<Judged> {
  const source = deps.configuration.source(request.sourceId);
  const { id: requestId } = request;
  const accepted = { requestId, verified: false, cause: null, detail: null, claims: [] };
  if (!source) return { verdict: accepted, isOutage: false };
  const received = withDecodedBody(receivedOf(deps, { name: source.id, request }));
  const named = urlsOf(deps, { name: source.name, request });
  return deps.open(received, async (opened): Promise<Judged> => {
    const gate = gateOf(source);
    const candidates = [...candidatesOf(opened), ...candidatesOf({ ...opened, ...named })];
    const taken = gate.verifier ? await take(gate.verifier, { candidates, keys: deps.keys }) : null;
    if (taken && !taken.verdict.verified) {
      const { reason, hint = null } = taken.verdict;
      const cause = RejectionCause.VerificationFailed;
      const isOutage = reason === VerificationReason.KEY_UNAVAILABLE;
      return { verdict: { ...accepted, cause, detail: { reason, hint } }, isOutage };
    }
    const passed = taken ?? { received: opened, verdict: null };
    const verified = taken !== null;
    const verdict = { ...accepted, verified, ...rest(gate, { source, ...passed, requestId }) };
    return { verdict, isOutage: false };
  });
}

/** What is left to ask of a request that is whose it says it is. */
function rest(
  gate: SourceGate,
  {
    source,
    received,
    verdict,
    requestId,
  }: { source: Source; received: Received; verdict: Verdict | null; requestId: string },
): Pick<LateVerdict, 'cause' | 'detail' | 'claims'> {
  const detail = schemaDetail(gate, received);
  if (detail && gate.schema?.mode === 'reject') {
    return { cause: RejectionCause.SchemaViolation, detail, claims: [] };
  }
  const { idempotency, replay } = onceKeys(gate, { received, verdict });
  const claims: FirstClaim[] = [];
  for (const [scope, key] of [
    [source.id, idempotency],
    [replayScope(source.id), replay],
  ] as const) {
    if (key) claims.push({ scope, key: key.hash, owner: requestId, expiresAtMs: key.expiresAtMs });
  }
  return { cause: null, detail, claims };
}

/** As of the time of receipt, at the address by id or the one by name: which of them the provider has, it alone knows. */
function receivedOf(
  { publicUrl }: Dependencies,
  { name, request }: { name: string; request: UnverifiedRequest },
): Received {
  const { id, method, path, query, headers, body } = request;
  return {
    method,
    ...urlsOf({ publicUrl }, { name, request }),
    path,
    rawQuery: query,
    headers,
    body,
    receivedAtMs: timeOfId(id),
  };
}

function urlsOf(
  { publicUrl }: Pick<Dependencies, 'publicUrl'>,
  { name, request }: { name: string; request: UnverifiedRequest },
): Pick<Received, 'url' | 'otherUrl'> {
  const { path, query, origin } = request;
  const target = `/in/${name}${path}${query ? `?${query}` : ''}`;
  return { url: publicUrl + target, ...(origin !== null && { otherUrl: origin + target }) };
}

/** The first of the candidates that is verified, or else what is said of the first. */
async function take(
  verifier: Verifier,
  { candidates, keys }: { candidates: Received[]; keys: Keys },
): Promise<{ received: Received; verdict: Taken }> {
  let first: { received: Received; verdict: Taken } | undefined;
  for (const received of candidates) {
    const soon = verifier.verify(received);
    const settled = 'deferred' in soon ? await verifier.settle?.(received, keys) : soon;
    const verdict = settled ?? refused(VerificationReason.MALFORMED);
    if (verdict.verified) return { received, verdict };
    first ??= { received, verdict };
    // Another address does not bring the key server back.
    if (verdict.reason === VerificationReason.KEY_UNAVAILABLE) break;
  }
  return first!;
}
