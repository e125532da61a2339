import { importPKCS8, SignJWT } from 'jose';
import { z } from 'zod';
import type { Header, RefusedAttempt } from '../domain/outcome.ts';
import type { DestinationAuth } from '../domain/schema/destination-auth.ts';
import type { OutgoingRequest } from './send.ts';
import { handshakeFailed, type TokenRequest } from './tokens.ts';

type Fields<Type extends DestinationAuth['auth_type']> = Extract<
  DestinationAuth,
  { auth_type: Type }
>['auth'];

const serviceAccountKey = z.object({
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: z.string().default('https://oauth2.googleapis.com/token'),
});

/** The request that asks an authorization server for a token, or why none can be made. */
export async function tokenRequest({
  request,
  config,
  refreshToken,
  nowMs,
}: {
  /** The delivery that needs the token. */
  request: OutgoingRequest;
  config: DestinationAuth;
  refreshToken: string | null;
  nowMs: number;
}): Promise<TokenRequest | RefusedAttempt> {
  switch (config.auth_type) {
    case 'OAUTH2_CLIENT_CREDENTIALS':
      return { request: clientCredentials(request, config.auth), refreshToken: null };
    case 'OAUTH2_AUTHORIZATION_CODE':
      return refreshed(request, { auth: config.auth, refreshToken });
    case 'GCP_SERVICE_ACCOUNT':
      return serviceAccount(request, { auth: config.auth, nowMs });
    case 'HOOKDECK_SIGNATURE':
    case 'CUSTOM_SIGNATURE':
    case 'BASIC_AUTH':
    case 'API_KEY':
    case 'BEARER_TOKEN':
    case 'AWS_SIGNATURE':
      break;
  }
  return handshakeFailed(`${config.auth_type} needs no token.`);
}

function clientCredentials(
  request: OutgoingRequest,
  auth: Fields<'OAUTH2_CLIENT_CREDENTIALS'>,
): OutgoingRequest {
  const { auth_server: url, client_id: id, client_secret: secret, scope } = auth;
  const form: Record<string, string> = { grant_type: 'client_credentials', ...scopeOf(scope) };
  if (auth.authentication_type === 'x-www-form-urlencoded') {
    return formPost(request, { url, form: { ...form, client_id: id, client_secret: secret } });
  }
  if (auth.authentication_type === 'bearer') {
    const headers: Header[] = [['authorization', `Bearer ${secret}`]];
    return formPost(request, { url, form: { ...form, client_id: id }, headers });
  }
  // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
  const pair = Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64');
  return formPost(request, { url, form, headers: [['authorization', `Basic ${pair}`]] });
}

function refreshed(
  request: OutgoingRequest,
  {
    auth,
    refreshToken,
  }: { auth: Fields<'OAUTH2_AUTHORIZATION_CODE'>; refreshToken: string | null },
): TokenRequest {
  const current = refreshToken ?? auth.refresh_token;
  const form = {
    grant_type: 'refresh_token',
    refresh_token: current,
    client_id: auth.client_id,
    client_secret: auth.client_secret,
    ...scopeOf(auth.scope),
  };
  return { request: formPost(request, { url: auth.auth_server, form }), refreshToken: current };
}

/** With a scope an access token for Google's APIs; without one an identity token for the destination's host. */
async function serviceAccount(
  request: OutgoingRequest,
  { auth, nowMs }: { auth: Fields<'GCP_SERVICE_ACCOUNT'>; nowMs: number },
): Promise<TokenRequest | RefusedAttempt> {
  try {
    const { service_account_key: text, scope } = auth;
    const key = serviceAccountKey.parse(JSON.parse(text));
    const issuedAtS = Math.floor(nowMs / 1000);
    const wanted = scope ? { scope } : { target_audience: new URL(request.url).origin };
    const header = { alg: 'RS256', ...(key.private_key_id ? { kid: key.private_key_id } : {}) };
    const assertion = await new SignJWT(wanted)
      .setProtectedHeader(header)
      .setIssuer(key.client_email)
      .setAudience(key.token_uri)
      .setIssuedAt(issuedAtS)
      .setExpirationTime(issuedAtS + 3_600)
      .sign(await importPKCS8(key.private_key, 'RS256'));
    const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
    return { request: formPost(request, { url: key.token_uri, form }), refreshToken: null };
  } catch {
    return handshakeFailed('The service account key is not a JSON key with an RSA private key.');
  }
}

function formPost(
  { poolKey, timeoutMs }: OutgoingRequest,
  { url, form, headers = [] }: { url: string; form: Record<string, string>; headers?: Header[] },
): OutgoingRequest {
  return {
    url,
    method: 'POST',
    headers: [
      ['accept', 'application/json'],
      ['content-type', 'application/x-www-form-urlencoded'],
      ...headers,
    ],
    body: Buffer.from(new URLSearchParams(form).toString()),
    timeoutMs,
    poolKey,
  };
}

function scopeOf(scope: string | null | undefined): { scope?: string } {
  return scope ? { scope } : {};
}

function formEncoded(text: string): string {
  return new URLSearchParams({ a: text }).toString().slice(2);
}
