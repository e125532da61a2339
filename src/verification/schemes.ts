import { compileBasic, compileToken } from './engine/credentials.ts';
import { compileSigned, type Verify } from './engine/engine.ts';
import { isKeyOfPair, publicKeyIn, readKey } from './engine/key.ts';
import type { Place } from './engine/place.ts';
import type {
  AnyScheme,
  ChoiceScheme,
  Scheme,
  SettingsScheme,
  SignatureAlgorithm,
  SignedScheme,
  TokenScheme,
} from './engine/scheme.ts';
import { plugins } from './plugins/table.ts';
import { prefixed, signed, stamped } from './providers/define.ts';
import type { Secret } from './received.ts';
import { isDeferred, refused, VerificationReason, type Refused, type Verdict } from './verdict.ts';
import type { Verifier } from './verifier.ts';

export type SchemeSettings = {
  auth: Readonly<Record<string, unknown>>;
  secrets: readonly Secret[];
};

type Compiled = Omit<Verifier, 'inline'>;

/** Compiles a scheme with one source's `auth`. */
export function compileScheme(scheme: Scheme, settings: SchemeSettings): Compiled {
  const { auth, secrets } = settings;
  switch (scheme.kind) {
    case 'signed':
      return { verify: compileSignedVariants(scheme, settings) };
    case 'token':
      return { verify: compileToken({ ...scheme, place: tokenPlace(scheme, auth) }, secrets) };
    case 'basic':
      return {
        verify: compileBasic({ username: text(auth['username']), secrets }),
      };
    case 'any':
      return { verify: compileAny(scheme, settings) };
    case 'choice':
      return compileScheme(chosen(scheme, auth), settings);
    case 'settings':
      return compileScheme(schemeFromSettings(scheme, auth), settings);
    case 'plugin': {
      const compile = plugins[scheme.name];
      if (compile === undefined) throw new Error(`No such plug-in: ${scheme.name}`);
      const compiled = compile({ ...common(auth), auth, secrets, options: scheme.options ?? {} });
      return auth['replay_protection'] === false ? withoutReplay(compiled) : compiled;
    }
    case 'none':
      break;
  }
  return { verify: () => ({ verified: true }) };
}

// Here and not in each plug-in, so that none can forget it.
function withoutReplay({ verify, settle }: Compiled): Compiled {
  const unmarked = <Any extends Verdict>(verdict: Any): Any | { verified: true } =>
    'verified' in verdict && verdict.verified ? { verified: true } : verdict;
  return {
    verify: (received) => unmarked(verify(received)),
    ...(settle && { settle: async (received, keys) => unmarked(await settle(received, keys)) }),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function common(auth: SchemeSettings['auth']) {
  const seconds = auth['tolerance_seconds'];
  const replay = auth['replay_protection'];
  const url = auth['registered_url'];
  return {
    toleranceMs: typeof seconds === 'number' ? seconds * 1000 : undefined,
    replayProtection: typeof replay === 'boolean' ? replay : undefined,
    registeredUrl: typeof url === 'string' ? url : undefined,
  };
}

function tokenPlace(scheme: TokenScheme, auth: SchemeSettings['auth']): Place {
  if (typeof auth['query_key'] === 'string') return `query:${auth['query_key']}`;
  return typeof auth['header_key'] === 'string' ? `header:${auth['header_key']}` : scheme.place;
}

// Any match is enough. Of several refusals the one that got furthest is told.
function compileAny(scheme: AnyScheme, settings: SchemeSettings): Verify {
  const ways = scheme.of.map((one) => compileScheme(one, settings).verify);
  return (received) => {
    let best: Refused | null = null;
    for (const verify of ways) {
      const verdict = verify(received);
      if (isDeferred(verdict) || verdict.verified) return verdict;
      if (best === null || distance(verdict) > distance(best)) best = verdict;
    }
    return best ?? refused(VerificationReason.MISSING_SIGNATURE);
  };
}

function distance({ reason, hint }: Refused): number {
  if (reason === VerificationReason.MISSING_SIGNATURE) return 0;
  if (reason === VerificationReason.NO_ACTIVE_SECRET) return 1;
  if (reason === VerificationReason.MALFORMED) return 2;
  if (reason === VerificationReason.WRONG_SECRET_OR_BODY) return hint === undefined ? 3 : 4;
  return 5;
}

function chosen(scheme: ChoiceScheme, auth: SchemeSettings['auth']): Scheme {
  const name = text(auth[scheme.field]) || scheme.fallback;
  const found = Object.hasOwn(scheme.of, name) ? scheme.of[name] : scheme.of[scheme.fallback];
  if (found === undefined) throw new Error(`No scheme for ${scheme.field} ${name}`);
  return found;
}

/** A scheme from the configuration's own words. */
function schemeFromSettings(scheme: SettingsScheme, auth: SchemeSettings['auth']): SignedScheme {
  const isPublic = scheme.key === 'public';
  const header = text(auth['header_key']) || (scheme.defaults.header_key ?? '');
  const prefix =
    typeof auth['signature_prefix'] === 'string'
      ? auth['signature_prefix']
      : scheme.defaults.signature_prefix;
  const timestampHeader = text(auth['timestamp_header']);
  const algorithm = isPublic
    ? text(auth['algorithm']) || 'rsa-sha256'
    : `hmac-${text(auth['algorithm']) || 'sha256'}`;
  return signed(`header:${header}`, {
    algorithm: algorithm as SignatureAlgorithm,
    encoding: (text(auth['encoding']) || (isPublic ? 'base64' : 'hex')) as SignedScheme['encoding'],
    key: isPublic ? 'public' : ((text(auth['secret_encoding']) || 'utf8') as SignedScheme['key']),
    content: text(auth['signed_content']) || '{body}',
    ...(prefix === undefined || prefix === '' ? {} : { layout: prefixed(prefix) }),
    ...(timestampHeader === ''
      ? {}
      : {
          timestamp: stamped(
            `header:${timestampHeader}`,
            (text(auth['timestamp_unit']) || 's') as 's',
          ),
        }),
  });
}

type Variant = { scheme: SignedScheme; secrets: readonly Secret[] };

// Standard Webhooks: `whpk_` keys verify `v1a` signatures and nothing else, so neither can stand in for the other.
function variants(scheme: SignedScheme, secrets: readonly Secret[]): Variant[] {
  if (scheme.key !== 'whsec') return [{ scheme, secrets }];
  const isPublic = (secret: Secret) => secret.value.startsWith('whpk_');
  const shared = secrets.filter((secret) => !isPublic(secret));
  const published = secrets
    .filter(isPublic)
    .map((secret) => ({ ...secret, value: secret.value.slice(5) }));
  const asymmetric: Variant = {
    scheme: {
      ...scheme,
      algorithm: 'ed25519',
      key: 'public',
      layout: { kind: 'list', separator: ' ', prefix: 'v1a,' },
    },
    secrets: published,
  };
  if (published.length === 0) return [{ scheme, secrets: shared }];
  return shared.length === 0 ? [asymmetric] : [{ scheme, secrets: shared }, asymmetric];
}

function compileSignedVariants(scheme: SignedScheme, { auth, secrets }: SchemeSettings): Verify {
  const fields = Object.fromEntries(
    Object.entries(auth).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  const ways = variants(scheme, secrets).map((variant) =>
    compileSigned(variant.scheme, { ...common(auth), secrets: variant.secrets, fields }),
  );
  const [first, second] = ways;
  if (first === undefined) return () => refused(VerificationReason.NO_ACTIVE_SECRET);
  if (second === undefined) return first;
  return (received) => {
    const verdict = first(received);
    return 'verified' in verdict && verdict.verified ? verdict : second(received);
  };
}

/** Why a secret cannot be a key of the scheme; null where it can. */
export function secretProblem(
  scheme: Scheme,
  { auth, value }: { auth: SchemeSettings['auth']; value: string },
): string | null {
  switch (scheme.kind) {
    case 'signed':
      return signedProblem(scheme, value);
    case 'any': {
      const problems = scheme.of.map((one) => secretProblem(one, { auth, value }));
      return problems.includes(null) ? null : (problems[0] ?? null);
    }
    case 'choice':
      return secretProblem(chosen(scheme, auth), { auth, value });
    case 'settings':
      return signedProblem(schemeFromSettings(scheme, auth), value);
    case 'plugin':
      return pluginProblem(scheme.name, { auth, value });
    case 'token':
    case 'basic':
    case 'none':
      break;
  }
  return null;
}

function signedProblem(scheme: SignedScheme, value: string): string | null {
  for (const variant of variants(scheme, [{ value }])) {
    const key = readKey(variant.secrets[0]?.value ?? '', {
      encoding: variant.scheme.key,
      algorithm: variant.scheme.algorithm,
    });
    if ('problem' in key) return key.problem;
  }
  return null;
}

function pluginProblem(
  name: string,
  { auth, value }: { auth: SchemeSettings['auth']; value: string },
): string | null {
  switch (name) {
    case 'alipay': {
      const key = readKey(value, { encoding: 'public', algorithm: 'rsa-sha256' });
      return 'problem' in key ? key.problem : null;
    }
    case 'paddle-classic':
    case 'wix':
      return pemProblem(value);
    case 'fusionauth':
      return value.includes('-----BEGIN') ? pemProblem(value) : sharedProblem(value);
    case 'jwt':
      return auth['public_key'] === undefined ? sharedProblem(value) : pemProblem(value);
    case 'monday':
      return sharedProblem(value);
    default:
      return null;
  }
}

function pemProblem(value: string): string | null {
  return value.includes('-----BEGIN') && publicKeyIn(value) !== null
    ? null
    : 'must be a public key in PEM form';
}

function sharedProblem(value: string): string | null {
  return isKeyOfPair(value)
    ? 'must be a shared secret: this is a key of a pair, and who knows it could sign'
    : null;
}
