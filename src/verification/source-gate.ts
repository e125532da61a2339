import { compileVerifier } from './compile.ts';
import type { SourceConfig } from './source-config.ts';
import { isSourceType, type SourceType } from './source-types.ts';
import type { Verifier } from './verifier.ts';

/** A source as it is kept: its secrets stand beside its configuration. */
export type KeptSource = { type: string; config: SourceConfig; auth: unknown };

/** What a source demands of a request, compiled once per version of the source. */
export type SourceGate = { type: SourceType; config: SourceConfig; verifier: Verifier | null };

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
  return { type, config, verifier: compileVerifier(type, config) };
}
