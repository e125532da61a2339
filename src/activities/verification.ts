import type { Dispatch } from '../domain/delivery.ts';
import { RejectionCause } from '../domain/status.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import { gatewayNow } from '../db/clock.ts';
import { timeOfId } from '../db/ids.ts';
import type { Database } from '../db/pool.ts';
import {
  listUnverified,
  readUnverified,
  setApart,
  settleVerdicts,
  type AwaitedKey,
  type LateVerdict,
  type UnverifiedRequest,
} from '../db/verdicts.ts';
import { withDecodedBody } from '../verification/decoding.ts';
import { watchAwaitedKeys, type AwaitedKeys } from './awaited-keys.ts';
import { createOpener, type Open } from '../verification/opening.ts';
import { candidatesOf, type Received } from '../verification/received.ts';
import { mostBytesOf } from '../verification/request-parts.ts';
import { gateOf, onceKeys, schemaDetail, type SourceGate } from '../verification/source-gate.ts';
import { refused, VerificationReason, type Verdict } from '../verification/verdict.ts';
import type { Keys, Verifier } from '../verification/verifier.ts';
import { createBudget, type Budget } from './routing/budget.ts';
import { createTrials, type Trials } from './routing/trials.ts';

export type VerificationActivities = {
  /** Takes the verdicts that could not be taken when the requests arrived; those refused go no further. */
  verifyRequests(dispatch: Dispatch): Promise<void>;
};

type Dependencies = {
  db: Database;
  configuration: Configuration;
  keys: Keys;
  /** The number by which others see that this process lives. */
  dispatcherId?: () => number | null;
  /** What source URLs begin with, without a slash at the end. */
  publicUrl: string;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Hears that requests which had been set apart wait to be dispatched again. */
  onSettled: () => void;
  /** How much is kept of a body that was refused. */
  keptBodyBytes?: number;
  /** How long a request waits for its key, how soon a key server is asked again, and how seldom in the end. */
  giveUpAfterMs?: number;
  lookEveryMs?: number;
  longestWaitMs?: number;
};

/** With what verdicts are taken; `open`: one large body after the other, because nobody waits for them. */
type Judge = Dependencies & {
  open: Open;
  budget: Budget;
  trials: Trials;
  giveUpAfterMs: number;
  keptBodyBytes: number;
};

type Taken = Exclude<Verdict, { deferred: true }>;
type Judged = { verdict: LateVerdict; sourceId: string; isOutage: boolean };

const KEPT_BODY_BYTES = 65_536;
const GIVE_UP_AFTER_MS = 24 * 3_600_000;
// Longer than a failed fetch is remembered, so that each try asks anew.
const LOOK_EVERY_MS = 2_500;
const LONGEST_WAIT_MS = 60_000;
const SLICE_BYTES = 16 * 1024 * 1024;
const SLICE_REQUESTS = 100;
const DECODED_BYTES = 48 * 1024 * 1024;
const SMALL_BYTES = 65_536;

export function createVerificationActivities(
  dependencies: Dependencies,
): VerificationActivities & { close(): void } {
  const { giveUpAfterMs = GIVE_UP_AFTER_MS, keptBodyBytes = KEPT_BODY_BYTES } = dependencies;
  const deps: Judge = {
    ...dependencies,
    giveUpAfterMs,
    keptBodyBytes,
    open: createOpener({ atOnce: 1 }),
    budget: createBudget({ most: DECODED_BYTES, small: SMALL_BYTES }),
    trials: createTrials(dependencies),
  };
  const awaited = watchAwaitedKeys({
    db: deps.db,
    isAnswered: (requestIds) => isAnswered(deps, requestIds),
    onSettled: deps.onSettled,
    log: deps.log,
    giveUpAfterMs,
    lookEveryMs: deps.lookEveryMs ?? LOOK_EVERY_MS,
    longestWaitMs: deps.longestWaitMs ?? LONGEST_WAIT_MS,
  });
  return {
    async verifyRequests({ dispatchId, requestIds }) {
      const unjudged = await listUnverified(deps.db, { dispatchId, requestIds });
      if (unjudged.length === 0) return;
      // One that was begun too often is told so when it is routed.
      const { waiting } = await deps.trials.begin({ dispatchId, requestIds }, unjudged);
      try {
        for (const slice of slicesOf(waiting)) {
          // A key server that is away is no verdict on anybody, and must not hold up the requests beside.
          const left = await settle(deps, { slice, awaited });
          if (left.length > 0) await setApart(deps.db, { dispatchId, awaited: left });
        }
      } catch (error) {
        deps.trials.outlived(waiting);
        throw error;
      }
    },
    close: () => awaited.close(),
  };
}

type Unverified = Awaited<ReturnType<typeof listUnverified>>[number];

/** Bodies are read a few at a time: hundreds may wait, and each may be large. */
function slicesOf(waiting: Unverified[]): Unverified[][] {
  const slices: Unverified[][] = [];
  let bytes = Infinity;
  for (const request of waiting) {
    const isFull = bytes + request.bytes > SLICE_BYTES || slices.at(-1)?.length === SLICE_REQUESTS;
    if (isFull) slices.push([]);
    bytes = request.bytes + (isFull ? 0 : bytes);
    slices.at(-1)?.push(request);
  }
  return slices;
}

/** Takes and writes verdicts; returns those that wait for a key server. */
async function settle(
  deps: Judge,
  { slice, awaited }: { slice: Unverified[]; awaited: AwaitedKeys },
): Promise<AwaitedKey[]> {
  const isOld = (id: string) => gatewayNow() - timeOfId(id) >= deps.giveUpAfterMs;
  const ids = slice.map(({ id }) => id);
  const requests = await readUnverified(deps.db, ids);
  // Each is tried, also while others of its source wait: some senders choose where the key of a request lies, and one that
  // lies nowhere must not hold up what others sent. A key server that is away is not asked each time.
  const judged = await Promise.all(requests.map((request) => judgeInTurn(deps, request)));
  const isLeft = ({ verdict, isOutage }: Judged) => isOutage && !isOld(verdict.requestId);
  const settled = judged.filter((each) => !isLeft(each)).map(({ verdict }) => verdict);
  await settleVerdicts(deps.db, { verdicts: settled, keptBodyBytes: deps.keptBodyBytes });
  for (const verdict of settled) tell(deps, verdict);
  return judged.filter(isLeft).map(({ sourceId, verdict }) => {
    const hint = hintOf(verdict);
    awaited.began(sourceId, hint);
    return { requestId: verdict.requestId, reason: VerificationReason.KEY_UNAVAILABLE, hint };
  });
}

function hintOf({ detail }: LateVerdict): string {
  return (detail as { hint?: string | null } | null)?.hint ?? 'the key server could not be reached';
}

/** Whether a verdict on one of these can be taken: nothing is written. */
async function isAnswered(deps: Judge, requestIds: string[]): Promise<boolean> {
  const requests = await readUnverified(deps.db, requestIds);
  const judged = await Promise.all(requests.map((request) => judgeInTurn(deps, request)));
  // One that is there no more, or that somebody has settled, waits for nothing.
  return judged.length < requestIds.length || judged.some(({ isOutage }) => !isOutage);
}

function tell({ log }: Dependencies, { requestId, cause, detail }: LateVerdict): void {
  if (cause === null) return;
  log.info({ request: requestId, cause, ...(detail as object) }, 'Not accepted');
}

/** What its body may become counts as long as it is looked at: a few kilobytes may be megabytes. */
async function judgeInTurn(deps: Judge, request: UnverifiedRequest): Promise<Judged> {
  const release = await deps.budget.take(mostBytesOf(request));
  return judge(deps, request).finally(release);
}

async function judge(deps: Judge, request: UnverifiedRequest): Promise<Judged> {
  const source = deps.configuration.source(request.sourceId);
  const { id: requestId, sourceId } = request;
  const accepted = { requestId, verified: false, cause: null, detail: null, claims: [] };
  if (!source) return { verdict: accepted, sourceId, isOutage: false };
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
      return { verdict: { ...accepted, cause, detail: { reason, hint } }, sourceId, isOutage };
    }
    const passed = taken ?? { received: opened, verdict: null };
    const verified = taken !== null;
    const verdict = { ...accepted, verified, ...rest(gate, passed) };
    return { verdict, sourceId, isOutage: false };
  });
}

/** What is left to ask of a request that is whose it says it is. */
function rest(
  gate: SourceGate,
  { received, verdict }: { received: Received; verdict: Verdict | null },
): Pick<LateVerdict, 'cause' | 'detail' | 'claims'> {
  const detail = schemaDetail(gate, received);
  if (detail && gate.schema?.mode === 'reject') {
    return { cause: RejectionCause.SchemaViolation, detail, claims: [] };
  }
  const { idempotency, replay } = onceKeys(gate, { received, verdict });
  const claims = [
    ...(idempotency ? [{ ...idempotency, replay: false }] : []),
    ...(replay ? [{ ...replay, replay: true }] : []),
  ];
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
