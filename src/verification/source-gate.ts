import { createHash } from 'node:crypto';
import { parseKeyPath, readId } from '../domain/payload-path.ts';
import { compileVerifier, defaultIdempotencyKey } from './compile.ts';
import { shortened } from './body/shortened.ts';
import { parseBody } from './content.ts';
import type { Scheme } from './engine/scheme.ts';
import { contentTypeOf, signedBody, singleHeader, type Received } from './received.ts';
import {
  compileSchemaCheck,
  type SchemaCheck,
  type SchemaSetting,
  type SchemaViolation,
} from './schema-check.ts';
import { definitionFor, type SourceConfig } from './source-config.ts';
import { isSourceType, type SourceType } from './source-types.ts';
import { refused, VerificationReason, type Verdict } from './verdict.ts';
import type { Verifier } from './verifier.ts';

type KeptConfig = SourceConfig & {
  /** Where the sender's own id stands; absent: where its provider puts it; false (or null): nowhere. */
  idempotency_key?: string | false | null | undefined;
  schema?: SchemaSetting | null | undefined;
};

/** A source as it is kept: its secrets stand beside its configuration. */
export type KeptSource = { type: string; config: KeptConfig; auth: unknown };

/** What a source demands of a request, compiled once per version of the source. */
export type SourceGate = {
  type: SourceType;
  config: KeptConfig;
  verifier: Verifier | null;
  schema: { check: SchemaCheck; mode: SchemaSetting['mode'] } | null;
  /** How long a signature is remembered: longer than it is accepted. */
  replayMs: number;
};

/** What makes a request the same as another one of its source: SHA-256, with its end. */
type OnceKey = { hash: Buffer; expiresAtMs: number };
export type OnceKeys = {
  /** The sender's own id; `isNamed`: from where the source says it stands, not from where its provider puts it. */
  idempotency: (OnceKey & { isNamed: boolean }) | null;
  replay: OnceKey | null;
};

/** Why a body was rejected or marked, as it stands on the request. */
export type SchemaDetail = {
  reason: 'SCHEMA_VIOLATION';
  hint: string;
  violations: SchemaViolation[];
};

const DAY_MS = 24 * 3_600_000;
const SHORTEST_REPLAY_MS = 600_000;
const LONGEST_REPLAY_MS = 30 * DAY_MS;
// Longer than any plug-in's own tolerance, which is an hour at most.
const PLUGIN_TOLERANCE_MS = 3_600_000;
const HEADER = /^headers\.(.+)$/;

// What is published with a project's own key never comes here.
const PUBLISHED_ONLY: Verifier = {
  inline: false,
  verify: () =>
    refused(
      VerificationReason.WRONG_CREDENTIALS,
      'this source takes only what is sent to /v1/publish with an API key',
    ),
};

// A source in memory is replaced when it changes: what was compiled for the old one goes with it.
const gates = new WeakMap<KeptSource, SourceGate>();

export function gateOf(source: KeptSource): SourceGate {
  let gate = gates.get(source);
  if (!gate) gates.set(source, (gate = compile(source)));
  return gate;
}

function compile(source: KeptSource): SourceGate {
  const type = isSourceType(source.type) ? source.type : 'WEBHOOK';
  const config = { ...source.config, auth: source.auth as SourceConfig['auth'] };
  const { schema } = config;
  return {
    type,
    config,
    verifier: type === 'PUBLISH_API' ? PUBLISHED_ONLY : compileVerifier(type, config),
    schema: schema ? { check: compileSchemaCheck(schema), mode: schema.mode } : null,
    replayMs: replayMs(toleranceOf(type, config)),
  };
}

// Without a time a signature is good for ever: a day is what is remembered of it.
function replayMs(toleranceMs: number): number {
  return toleranceMs === 0 ? DAY_MS : Math.max(SHORTEST_REPLAY_MS, 2 * toleranceMs);
}

function toleranceOf(type: SourceType, config: KeptConfig): number {
  const seconds = config.auth?.['tolerance_seconds'];
  if (typeof seconds === 'number') return seconds * 1_000;
  const scheme = definitionFor(type, { authType: config.auth_type })?.scheme;
  return scheme ? schemeTolerance(scheme) : 0;
}

function schemeTolerance(scheme: Scheme): number {
  switch (scheme.kind) {
    case 'signed':
      return scheme.timestamp?.toleranceMs ?? 0;
    case 'any':
      return Math.max(...scheme.of.map(schemeTolerance));
    case 'choice':
      return Math.max(...Object.values(scheme.of).map(schemeTolerance));
    case 'plugin':
      return PLUGIN_TOLERANCE_MS;
    case 'settings':
    case 'token':
    case 'basic':
    case 'none':
      break;
  }
  return 0;
}

/** The keys of a request that passed; only those of a verified one are its provider's word. */
export function onceKeys(
  { type, config, replayMs }: SourceGate,
  { received, verdict }: { received: Received; verdict: Verdict | null },
): OnceKeys {
  const passed = verdict && 'verified' in verdict && verdict.verified ? verdict : null;
  const replay = passed?.replayKey
    ? once(passed.replayKey, replayEndMs(passed, { received, replayMs }))
    : null;
  const { idempotency_key: path } = config;
  if (path === null || path === false) return { idempotency: null, replay };
  const text = path
    ? idempotencyText(path, received)
    : (passed?.idempotencyKey ??
      defaultIdempotencyKey(type, { received, authType: config.auth_type ?? null }));
  if (!text) return { idempotency: null, replay };
  const endsAtMs = received.receivedAtMs + DAY_MS;
  return { idempotency: { ...once(text, endsAtMs), isNamed: Boolean(path) }, replay };
}

/** A token is remembered for as long as it could come again, but no longer than a month. */
function replayEndMs(
  { replayUntilMs = 0 }: { replayUntilMs?: number },
  { received, replayMs }: { received: Received; replayMs: number },
): number {
  const { receivedAtMs } = received;
  const untilMs = Math.max(receivedAtMs + replayMs, replayUntilMs + replayMs);
  return Math.min(untilMs, receivedAtMs + Math.max(replayMs, LONGEST_REPLAY_MS));
}

/** What stands at a source's path for the sender's own id (`headers.…`, `body.…`); empty where there is nothing. */
function idempotencyText(path: string, received: Received): string {
  const header = HEADER.exec(path)?.[1];
  if (header !== undefined) return singleHeader(received, header) ?? '';
  const parsed = parseKeyPath(path);
  if ('error' in parsed) return '';
  const query = Object.fromEntries(new URLSearchParams(received.rawQuery));
  const body = parsed.path.part === 'body' ? bodyOf(received, path) : null;
  return readId(parsed.path, { headers: {}, body, query, path: received.path });
}

function bodyOf(received: Received, path: string): unknown {
  const bytes = signedBody(received, { over: 'decoded' });
  if (bytes === null) return null;
  const contentType = contentTypeOf(received);
  const short = shortened(received, { body: bytes, steps: path.split('.').slice(1) });
  if (short === null) return null;
  if ('whole' in short) return short.whole;
  return parseBody(contentType, short, { sniffJson: true }).value;
}

function once(text: string, expiresAtMs: number): OnceKey {
  return { hash: createHash('sha256').update(text).digest(), expiresAtMs };
}

/** What is wrong with a body by its source's schema; null where nothing is, or none is checked. */
export function schemaDetail({ schema }: SourceGate, received: Received): SchemaDetail | null {
  const violations = schema?.check(received) ?? [];
  const [first] = violations;
  if (!first) return null;
  return { reason: 'SCHEMA_VIOLATION', hint: `${first.path} ${first.message}`, violations };
}
