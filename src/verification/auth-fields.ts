import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { isBarePrefix } from './engine/key.ts';
import { isTemplate } from './engine/template.ts';
import { fitsAlgorithm, PUBLIC_ALGORITHMS, SECRET_ALGORITHMS } from './plugins/jws.ts';

/** A secret: anyone could sign with an empty one, so none can be saved. */
export const secretText = z
  .string()
  .max(8192)
  .refine(
    (text) => text.trim() !== '' && !isBarePrefix(text),
    'must not be empty: anyone could sign with an empty secret',
  );

const shortText = z.string().min(1).max(1024);

const headerName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a header name');

const httpsUrl = z
  .url({ protocol: /^https$/ })
  .max(2048)
  .refine((text) => !/^https:\/\/[^/]*@/.test(text), 'must not contain credentials');

const template = z.string().min(1).max(1024).refine(isTemplate, {
  message: 'has a word in braces that is not known',
});

const pemText = z.string().max(8192).refine(isPublicPem, 'must be a public key in PEM form');

function isPublicPem(text: string): boolean {
  try {
    return !text.includes('PRIVATE') && createPublicKey(text).type === 'public';
  } catch {
    return false;
  }
}

/** Settings every verified source may have beside its secret. */
export const commonFields = {
  /** How far the sender's clock and its retries may be off; 0 switches the check off. */
  tolerance_seconds: z.int().min(0).max(604_800).optional(),
  /** Whether a signature that was seen before is a replay. */
  replay_protection: z.boolean().optional(),
  /** Secrets that stay valid for a while after a rotation. */
  previous_secrets: z
    .array(
      z.strictObject({ value: secretText, not_after: z.iso.datetime({ offset: true }).optional() }),
    )
    .max(5)
    .optional(),
  /** The URL as registered at the provider, for schemes that sign it. */
  registered_url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
};

/** What an HMAC needs when the provider's scheme is not known to the gateway. */
export const hmacFields = {
  webhook_secret_key: secretText,
  header_key: headerName,
  algorithm: z.enum(['md5', 'sha1', 'sha256', 'sha384', 'sha512']).default('sha256'),
  encoding: z.enum(['hex', 'base64', 'base64url']).default('hex'),
  secret_encoding: z.enum(['utf8', 'hex', 'base64', 'whsec']).default('utf8'),
  signature_prefix: z.string().max(64).optional(),
  signed_content: template.default('{body}'),
  timestamp_header: headerName.optional(),
  timestamp_unit: z.enum(['s', 'ms', 'iso', 'auto']).default('s'),
};

/** The same for a provider that signs with a private key. */
export const publicKeyFields = {
  public_key: secretText,
  header_key: headerName,
  algorithm: z
    .enum([
      'rsa-sha256',
      'rsa-sha512',
      'rsa-pss-sha256',
      'rsa-pss-sha512',
      'ecdsa-sha256',
      'ed25519',
    ])
    .default('rsa-sha256'),
  encoding: z.enum(['hex', 'base64', 'base64url']).default('base64'),
  signature_prefix: z.string().max(64).optional(),
  signed_content: template.default('{body}'),
  timestamp_header: headerName.optional(),
  timestamp_unit: z.enum(['s', 'ms', 'iso', 'auto']).default('s'),
};

export const apiKeyFields = {
  api_key: secretText,
  header_key: headerName.optional(),
  query_key: z.string().min(1).max(128).optional(),
};

export const basicFields = { username: shortText, password: secretText };

export const bearerFields = { token: secretText };

/** A certificate's name as a proxy in front of the gateway forwards it. */
export const mtlsFields = {
  header_key: headerName,
  /** What the header must say: a fingerprint, a subject, a serial number. */
  expected: secretText,
};

export const jwtFields = {
  jwks_url: httpsUrl.optional(),
  public_key: pemText.optional(),
  webhook_secret_key: secretText.optional(),
  algorithms: z
    .array(z.enum([...PUBLIC_ALGORITHMS, ...SECRET_ALGORITHMS]))
    .min(1)
    .max(4),
  audience: shortText.optional(),
  issuer: shortText.optional(),
  header_key: headerName.default('authorization'),
};

const guid = z.guid(
  'must be a GUID, as in 00000000-0000-0000-0000-000000000000, or a list of them',
);
const guids = z.union([guid, z.array(guid).min(1).max(20)]);

export const microsoftGraphFields = {
  webhook_secret_key: secretText.optional(),
  /** The app, or apps, that rich notifications are for: the audience of their tokens. */
  app_id: guids.optional(),
  /** Whose tenants' notifications are taken; absent: any tenant's. */
  tenant_id: guids.optional(),
};

/** A tenant stands in tokens only, and those are only verified for an app. */
export function microsoftGraphProblem(auth: {
  app_id?: unknown;
  tenant_id?: unknown;
}): { path: string; message: string } | null {
  return auth.tenant_id !== undefined && auth.app_id === undefined
    ? { path: 'app_id', message: 'must be given with tenant_id, which is read in its tokens' }
    : null;
}

type JwtAuth = {
  jwks_url?: unknown;
  public_key?: string;
  webhook_secret_key?: unknown;
  algorithms: readonly string[];
};

/** One key, and only algorithms of its kind: a public key taken as a shared secret is known to every sender. */
export function jwtProblem(auth: JwtAuth): { path: string; message: string } | null {
  const keys = [auth.jwks_url, auth.public_key, auth.webhook_secret_key].filter(
    (key) => key !== undefined,
  );
  if (keys.length !== 1)
    return { path: 'jwks_url', message: 'give one of jwks_url, public_key and webhook_secret_key' };
  const wantsSecret = auth.webhook_secret_key !== undefined;
  const isRight = auth.algorithms.every((name) => name.startsWith('HS') === wantsSecret);
  if (!isRight) {
    return {
      path: 'algorithms',
      message: wantsSecret
        ? 'a shared secret verifies HS256, HS384 and HS512 only'
        : 'a public key never verifies HS256, HS384 or HS512',
    };
  }
  return auth.public_key === undefined ? null : wrongAlgorithm(auth.public_key, auth.algorithms);
}

// With an algorithm its key cannot have, a source would be saved that verifies nobody.
function wrongAlgorithm(pem: string, algorithms: readonly string[]) {
  const key = createPublicKey(pem);
  const wrong = algorithms.find((name) => !fitsAlgorithm(key, name));
  return wrong === undefined
    ? null
    : { path: 'algorithms', message: `the public key is not one for ${wrong}` };
}

/** Standard Webhooks: `whsec_…` for v1 signatures, `whpk_…` for v1a. */
export const standardWebhooksFields = { webhook_secret_key: secretText };
