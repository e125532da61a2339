import { createHash } from 'node:crypto';
import { deduplicationText } from '../../domain/deduplicate.ts';
import type { Mismatch } from '../../domain/filter/mismatches.ts';
import { IgnoredCause } from '../../domain/status.ts';
import type { Claimed, FirstClaim } from '../../db/claims.ts';
import { gatewayNow } from '../../db/clock.ts';
import type { Connection } from '../../db/configuration.ts';
import type { RequestParts } from '../../verification/request-parts.ts';
import { rulesOf, type CompiledRule } from './compiled-rules.ts';
import type { SeenPayload } from './payload.ts';
import type { Transform } from './transform.ts';

/**
 * What one connection makes of one request: events to be, and the reason why it does not take all of it.
 * Both, where a transformation split the request and some of the pieces went no further.
 */
export type Outcome = { events: Piece[]; ignored: NotTaken | null };
export type NotTaken = {
  kind: 'ignored';
  cause: IgnoredCause;
  meta: unknown;
  /** Of a filter: the keys that did not match. */
  mismatches?: Mismatch[];
};

export type PipelineDependencies = {
  transform: Transform;
  /** Claims a key for an owner; resolves to whoever owns it. */
  claim: (claim: FirstClaim) => Promise<Claimed>;
};

/**
 * A request on its way through the rules. `part` tells pieces apart: "0", and below it "0.0", "0.1" … It says where
 * a piece came from, not how many are left, so that a second run finds the same pieces under the same names.
 */
export type Piece = { payload: SeenPayload; delayMs: number; part: string };
type Step = { kind: 'go'; pieces: Piece[] } | NotTaken;

// One transformation may split this far; several in a row could otherwise multiply without end.
const MAX_PIECES = 1_000;

/** Takes a request through the rules of a connection, in the order in which they stand. */
export async function runRules(
  deps: PipelineDependencies,
  {
    connection,
    requestId,
    payload,
  }: { connection: Connection; requestId: string; payload: SeenPayload },
): Promise<Outcome> {
  let pieces: Piece[] = [{ payload, delayMs: 0, part: '0' }];
  const refused: NotTaken[] = [];
  for (const rule of rulesOf(connection)) {
    const steps = await Promise.all(
      pieces.map((piece) => runRule(deps, { rule, piece, connection, requestId })),
    );
    refused.push(...steps.filter((step) => step.kind === 'ignored'));
    pieces = steps.flatMap((step) => (step.kind === 'go' ? step.pieces : []));
    if (pieces.length > MAX_PIECES) return { events: [], ignored: tooManyPieces(pieces.length) };
    if (pieces.length === 0) break;
  }
  return { events: pieces, ignored: gravest(refused) };
}

/** A failure can be mended and tried again: it is told before what was meant to happen. */
function gravest(refused: NotTaken[]): NotTaken | null {
  const failed = refused.find(({ cause }) => cause === IgnoredCause.TransformationFailed);
  return failed ?? refused[0] ?? null;
}

function tooManyPieces(count: number): NotTaken {
  const reason = `The transformations split one request into ${count}; the limit is ${MAX_PIECES}.`;
  const meta = { error: 'too_large', reason };
  return { kind: 'ignored', cause: IgnoredCause.TransformationFailed, meta };
}

type Call = { rule: CompiledRule; piece: Piece; connection: Connection; requestId: string };

async function runRule(deps: PipelineDependencies, call: Call): Promise<Step> {
  const { rule, piece } = call;
  switch (rule.type) {
    case 'filter': {
      const refused = await piece.payload.open((parts) => filtered(rule, parts));
      return refused ?? { kind: 'go', pieces: [piece] };
    }
    case 'delay':
      return { kind: 'go', pieces: [{ ...piece, delayMs: piece.delayMs + rule.delayMs }] };
    case 'deduplicate':
      return deduplicate(deps, { ...call, rule });
    case 'transform':
      return transform(deps, { ...call, rule });
  }
}

type CallOf<Type extends CompiledRule['type']> = Call & {
  rule: Extract<CompiledRule, { type: Type }>;
};

/** Why a filter does not take a request; null where it does. */
function filtered(
  { failingParts, explain }: CallOf<'filter'>['rule'],
  parts: RequestParts,
): NotTaken | null {
  const meta = failingParts(parts);
  if (meta.length === 0) return null;
  const mismatches = explain(parts, meta);
  return { kind: 'ignored', cause: IgnoredCause.Filtered, meta, mismatches };
}

async function deduplicate(
  { claim }: PipelineDependencies,
  { rule, piece, connection, requestId }: CallOf<'deduplicate'>,
): Promise<Step> {
  const { payload, part } = piece;
  const key = await payload.open((parts) => {
    const compared = { ...parts, exactBody: payload.body.toString('latin1') };
    const text = deduplicationText(rule.rule, compared);
    return createHash('sha256').update(rule.fingerprint).update(text).digest();
  });
  const owner = `${requestId}:${part}`;
  const { owner: first } = await claim({
    scope: connection.id,
    key,
    owner,
    expiresAtMs: gatewayNow() + rule.rule.windowMs,
    connectionId: connection.id,
  });
  if (first === owner) return { kind: 'go', pieces: [piece] };
  const meta = { request_id: first.slice(0, first.indexOf(':')) };
  return { kind: 'ignored', cause: IgnoredCause.Deduplicated, meta };
}

async function transform(
  deps: PipelineDependencies,
  { rule, piece, connection, requestId }: CallOf<'transform'>,
): Promise<Step> {
  const { transformationId, place } = rule;
  const { part } = piece;
  const result = await deps.transform({
    connection,
    requestId,
    transformationId,
    place: part === '0' ? `${place}` : `${place}/${part}`,
    payload: piece.payload,
  });
  if (result.kind === 'go') {
    const pieces = result.payloads.map((payload, index) => ({
      ...piece,
      payload,
      part: result.split ? `${part}.${index}` : part,
    }));
    return { kind: 'go', pieces };
  }
  const dropped = result.kind === 'drop';
  return {
    kind: 'ignored',
    cause: dropped ? IgnoredCause.TransformationDropped : IgnoredCause.TransformationFailed,
    meta: { transformation_id: transformationId, ...result.meta },
  };
}
