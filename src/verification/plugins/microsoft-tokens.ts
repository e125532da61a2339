import { decodeJwt, type JWK, type JWTPayload } from 'jose';
import type { Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import { readJws, type Jws } from './jws.ts';
import { clockOf, LONGEST_TOKEN, verifyToken } from './jwt.ts';
import { fetchKey } from './key-sets.ts';
import type { PluginSettings } from './plugin.ts';

/** A token whose issuer says which tenant it is for and which key set it is signed with; nothing is verified yet. */
export type MicrosoftToken = Jws & { tenant: string; issuer: string; keysUrl: string };

// Graph's change tracking: the app that asks for the tokens it sends along, whoever's app they are for.
const PUBLISHER = '0bf30f3b-4a52-48df-9a82-234910c4a086';
const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const KEYS = 'https://login.microsoftonline.com/common/discovery';

// Two versions of tokens are about, each with its own issuer and key set.
const VERSIONS = [
  { issuer: (tenant: string) => `https://sts.windows.net/${tenant}/`, keysUrl: `${KEYS}/keys` },
  {
    issuer: (tenant: string) => `https://login.microsoftonline.com/${tenant}/v2.0`,
    keysUrl: `${KEYS}/v2.0/keys`,
  },
] as const;

/** Reads a token of the Microsoft identity platform; a refusal where no key could make it right. */
export function readToken(
  text: unknown,
  { tenants }: { tenants: readonly string[] },
): MicrosoftToken | Refused {
  if (typeof text !== 'string' || text.length > LONGEST_TOKEN)
    return refused(VerificationReason.MALFORMED, 'one of validationTokens is not a token');
  const signed = readJws(text, { algorithms: ['RS256'] });
  if ('reason' in signed) return signed;
  if (signed.keyId === undefined)
    return refused(VerificationReason.MALFORMED, 'the token names no key');
  const claims = claimsOf(text);
  if (claims === null) return refused(VerificationReason.MALFORMED, 'the token holds no claims');
  const { iss, tid } = claims;
  const isTenant = typeof tid === 'string' && GUID.test(tid);
  if (!isTenant || (tenants.length > 0 && !tenants.includes(tid)))
    return refused(VerificationReason.WRONG_CLAIMS, 'claim tid');
  const version = VERSIONS.find(({ issuer }) => issuer(tid) === iss);
  if (version === undefined) return refused(VerificationReason.WRONG_CLAIMS, 'claim iss');
  return { ...signed, tenant: tid, issuer: version.issuer(tid), keysUrl: version.keysUrl };
}

function claimsOf(text: string): JWTPayload | null {
  try {
    return decodeJwt(text);
  } catch {
    return null;
  }
}

type Expected = {
  /** The ids of the receiving apps, in lower case: one of them must be the audience. */
  apps: readonly string[];
  settings: PluginSettings;
  received: Received;
  from: Keys;
};

/** Why a token is not Graph's for one of the apps; null where it is. */
export async function tokenProblem(
  signed: MicrosoftToken,
  { apps, settings, received, from }: Expected,
): Promise<Refused | null> {
  const got = await fetchKey(signed.keysUrl, { from, signed });
  if ('reason' in got) return got;
  if (!isKeyFor(signed, got.jwk))
    return refused(VerificationReason.WRONG_CLAIMS, 'the key is another issuer’s');
  const read = await verifyToken(signed, {
    key: got.key,
    ...clockOf(received, { leewayMs: settings.toleranceMs }),
    audience: [...apps],
    issuer: signed.issuer,
    requiredClaims: ['exp'],
  });
  return 'claims' in read ? publisherProblem(read.claims) : read;
}

/** The common key sets hold keys of all tenants and keys of one; the latter sign for no other. */
function isKeyFor({ tenant }: MicrosoftToken, jwk: JWK | undefined): boolean {
  const { issuer } = (jwk ?? {}) as { issuer?: unknown };
  if (issuer === undefined) return true;
  if (typeof issuer !== 'string') return false;
  const filled = issuer.replace('{tenantid}', tenant);
  return VERSIONS.some((version) => version.issuer(tenant) === filled);
}

// Any app may get a token for another one: only who asked for it tells that it came from Graph.
function publisherProblem({ appid, azp }: JWTPayload): Refused | null {
  const named = Object.entries({ appid, azp }).filter(([, app]) => app !== undefined);
  const wrong = named.find(([, app]) => app !== PUBLISHER)?.[0];
  if (named.length > 0 && wrong === undefined) return null;
  return refused(VerificationReason.WRONG_CLAIMS, `claim ${wrong ?? 'appid'}`);
}
