import { createHash } from 'node:crypto';
import { deduplicationText } from '../../domain/deduplicate.ts';
import { IgnoredCause } from '../../domain/status.ts';
import type { FirstClaim } from '../../db/claims.ts';
import type { Connection } from '../../db/configuration.ts';
import { rulesOf, type CompiledRule } from './compiled-rules.ts';
import type { SeenPayload } from './payload.ts';
import type { Transform } from './transform.ts';

/** What one connection makes of one request: events to be, or the reason why it takes nothing. */
export type Taken = { kind: 'taken'; events: { payload: SeenPayload; delayMs: number }[] };
export type NotTaken = { kind: 'ignored'; cause: IgnoredCause; meta: unknown };

export type PipelineDependencies = {
  transform: Transform;
  /** Claims a key for an owner; resolves to whoever owns it. */
  claim: (claim: FirstClaim) => Promise<string>;
};

/** A request on its way through the rules. A transformation may have split it: `part` tells the pieces apart. */
type Piece = { payload: SeenPayload; delayMs: number; part: number };
type Step = { kind: 'go'; pieces: Piece[] } | NotTaken;

/** Takes a request through the rules of a connection, in the order in which they stand. */
export async function runRules(
  deps: PipelineDependencies,
  {
    connection,
    requestId,
    payload,
  }: { connection: Connection; requestId: string; payload: SeenPayload },
): Promise<Taken | NotTaken> {
  let pieces: Piece[] = [{ payload, delayMs: 0, part: 0 }];
  let refused: NotTaken | null = null;
  for (const rule of rulesOf(connection)) {
    const steps = await Promise.all(
      pieces.map((piece) => runRule(deps, { rule, piece, connection, requestId })),
    );
    refused ??= steps.find((step) => step.kind === 'ignored') ?? null;
    pieces = steps
      .flatMap((step) => (step.kind === 'go' ? step.pieces : []))
      .map((piece, part) => ({ ...piece, part }));
    if (pieces.length === 0) break;
  }
  if (pieces.length === 0 && refused) return refused;
  return { kind: 'taken', events: pieces };
}

type Call = { rule: CompiledRule; piece: Piece; connection: Connection; requestId: string };

function runRule(deps: PipelineDependencies, call: Call): Promise<Step> | Step {
  const { rule, piece } = call;
  switch (rule.type) {
    case 'filter': {
      const meta = rule.failingParts(piece.payload.parts());
      if (meta.length > 0) return { kind: 'ignored', cause: IgnoredCause.Filtered, meta };
      return { kind: 'go', pieces: [piece] };
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

async function deduplicate(
  { claim }: PipelineDependencies,
  { rule, piece, connection, requestId }: CallOf<'deduplicate'>,
): Promise<Step> {
  const { payload, part } = piece;
  const parts = { ...payload.parts(), exactBody: payload.body.toString('latin1') };
  const text = deduplicationText(rule.rule, parts);
  const owner = `${requestId}:${part}`;
  const first = await claim({
    scope: connection.id,
    key: createHash('sha256').update(rule.fingerprint).update(text).digest(),
    owner,
    expiresAtMs: Date.now() + rule.rule.windowMs,
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
  const result = await deps.transform({
    connection,
    requestId,
    transformationId,
    // Pieces of a split request run the same rule: each has its own record.
    place: place * 1_000 + piece.part,
    payload: piece.payload,
  });
  if (result.kind === 'go') {
    return { kind: 'go', pieces: result.payloads.map((payload) => ({ ...piece, payload })) };
  }
  const dropped = result.kind === 'drop';
  return {
    kind: 'ignored',
    cause: dropped ? IgnoredCause.TransformationDropped : IgnoredCause.TransformationFailed,
    meta: { transformation_id: transformationId, ...result.meta },
  };
}
