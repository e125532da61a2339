import { deliveryKey } from './delivery-key.ts';
import type { SourceTypeDefinition } from './providers/define.ts';
import type { Received } from './received.ts';
import { compileScheme, type SchemeSettings } from './schemes.ts';
import { definitionFor, secretsOf, type SourceConfig } from './source-config.ts';
import { sourceTypes, type SourceType } from './source-types.ts';
import { isDeferred, refused, VerificationReason, type Verdict } from './verdict.ts';
import type { Verifier } from './verifier.ts';

/**
 * Compiles a source's verification once for all its requests. Null where none is configured: its requests are
 * neither verified nor refused.
 */
export function compileVerifier(type: SourceType, config: SourceConfig): Verifier | null {
  const definition = definitionFor(type, { authType: config.auth_type });
  if (definition === null || definition.scheme.kind === 'none') return null;
  const auth = config.auth ?? null;
  if (auth === null && !needsNoSettings(definition)) return null;
  const secrets = secretsOf(definition, auth ?? {});
  if (isLeftOut(definition, { auth: auth ?? {}, secrets })) return null;
  const compiled = compiledOrClosed(definition, { auth: auth ?? {}, secrets });
  const idempotent = (verdict: Verdict, received: Received) =>
    withIdempotencyKey(verdict, { definition, received });
  const { settle } = compiled;
  const verifier: Verifier = {
    inline: definition.inline,
    verify: (received) =>
      idempotent(
        guarded(() => compiled.verify(received)),
        received,
      ),
  };
  if (settle === undefined) return verifier;
  return {
    ...verifier,
    settle: async (received, keys) => {
      try {
        const verdict = await settle(received, keys);
        return idempotent(verdict, received) as typeof verdict;
      } catch {
        return refused(VerificationReason.KEY_UNAVAILABLE, 'the key could not be used');
      }
    },
  };
}

function isLeftOut(
  { optional, otherKeys, secretField }: SourceTypeDefinition,
  { auth, secrets }: SchemeSettings,
): boolean {
  const isKeyless = secrets.length === 0 && otherKeys.every((field) => auth[field] === undefined);
  return optional && secretField !== null && isKeyless;
}

// Amazon SNS can be verified without any: its keys are public.
function needsNoSettings({ fields, secretField }: SourceTypeDefinition): boolean {
  return secretField === null && Object.values(fields).every((field) => field.isOptional());
}

// A configuration that an earlier version accepted and this one cannot read verifies nobody.
function compiledOrClosed(
  definition: SourceTypeDefinition,
  settings: SchemeSettings,
): Omit<Verifier, 'inline'> {
  try {
    return compileScheme(definition.scheme, settings);
  } catch {
    return {
      verify: () => refused(VerificationReason.MALFORMED, 'the configuration cannot be read'),
    };
  }
}

// A key that passed an earlier version's checks must not take the gateway down.
function guarded(verify: () => Verdict): Verdict {
  try {
    return verify();
  } catch {
    return refused(VerificationReason.MALFORMED, 'the key or the request could not be read');
  }
}

function withIdempotencyKey(
  verdict: Verdict,
  { definition, received }: { definition: SourceTypeDefinition; received: Received },
): Verdict {
  if (isDeferred(verdict) || !verdict.verified) return verdict;
  const idempotencyKey = readIdempotencyKey(definition, received);
  return idempotencyKey === undefined ? verdict : { ...verdict, idempotencyKey };
}

/** The provider's own id of a delivery, for sources that are not verified too; undefined where it sends none. */
export function defaultIdempotencyKey(
  type: SourceType,
  { received, authType }: { received: Received; authType?: string | null },
): string | undefined {
  const definition = definitionFor(type, { authType }) ?? sourceTypes[type];
  return readIdempotencyKey(definition, received);
}

function readIdempotencyKey(
  { idempotency }: SourceTypeDefinition,
  received: Received,
): string | undefined {
  return idempotency === null ? undefined : deliveryKey(idempotency, received);
}
