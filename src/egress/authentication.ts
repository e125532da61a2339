import { createHash } from 'node:crypto';
import {
  AttemptErrorCode,
  type AttemptOutcome,
  type Header,
  type RefusedAttempt,
} from '../domain/outcome.ts';
import type { DestinationAuth } from '../domain/schema/destination-auth.ts';
import { awsSigned } from './aws-signature.ts';
import { joinUrl, splitUrl } from './request-target.ts';
import type { OutgoingRequest, Sender } from './send.ts';
import { bodySignature } from './signatures.ts';
import { tokenRequest } from './token-request.ts';
import { createTokens, keepInMemory, type TokenStore, type Tokens } from './tokens.ts';

export type AuthenticatedSender = {
  /** Signs or authenticates the request as the destination asks for, then sends it; never rejects. */
  send(request: OutgoingRequest, config: DestinationAuth | null): Promise<AttemptOutcome>;
};

/**
 * A sender that knows how destinations want to be approached. Access tokens are fetched through the
 * same sender (so through the same guard), within the attempt's own deadline, and kept until they expire.
 */
export function createAuthenticatedSender({
  sender,
  tokenStore = keepInMemory(),
  now = Date.now,
}: {
  sender: Sender;
  /** Where refresh tokens that a server gave in place of the saved ones outlive this process. */
  tokenStore?: TokenStore;
  /** The time that tokens expire and requests are signed by; this machine's unless said. */
  now?: () => number;
}): AuthenticatedSender {
  const tokens = createTokens({ sender, store: tokenStore, now });

  return {
    send(request, config) {
      // The sender has the words for a URL that cannot be read.
      if (config === null || !URL.canParse(request.url)) return sender.send(request);
      const ready = authenticated(request, config);
      if (ready !== null) return sender.send(ready);
      const sent =
        config.auth_type === 'AWS_SIGNATURE'
          ? awsSigned(request, { credentials: config.auth, nowMs: now() }).then((signed) =>
              sender.send(signed),
            )
          : sendWithToken({ request, config, tokens, sender, now });
      return sent.catch(() => NOT_AUTHENTICATED);
    },
  };
}

/** The request with its credentials, where that takes neither network nor time; null for the other types. */
function authenticated(request: OutgoingRequest, config: DestinationAuth): OutgoingRequest | null {
  switch (config.auth_type) {
    case 'HOOKDECK_SIGNATURE':
      return request;
    case 'CUSTOM_SIGNATURE':
      return withHeader(request, [
        config.auth.key,
        bodySignature(config.auth.signing_secret, request.body),
      ]);
    case 'BASIC_AUTH': {
      const pair = Buffer.from(`${config.auth.username}:${config.auth.password}`);
      return withHeader(request, ['authorization', `Basic ${pair.toString('base64')}`]);
    }
    case 'API_KEY': {
      const { key, api_key: value, to } = config.auth;
      if (to !== 'query') return withHeader(request, [key, value]);
      return { ...request, url: withParameter(request.url, { name: key, value }) };
    }
    case 'BEARER_TOKEN':
      return withHeader(request, ['authorization', `Bearer ${config.auth.token}`]);
    case 'OAUTH2_CLIENT_CREDENTIALS':
    case 'OAUTH2_AUTHORIZATION_CODE':
    case 'AWS_SIGNATURE':
    case 'GCP_SERVICE_ACCOUNT':
      break;
  }
  return null;
}

const NOT_AUTHENTICATED: RefusedAttempt = {
  kind: 'refused',
  errorCode: AttemptErrorCode.InternalError,
  message: 'The request could not be signed for this destination.',
};

async function sendWithToken({
  request,
  config,
  tokens,
  sender,
  now,
}: {
  request: OutgoingRequest;
  config: DestinationAuth;
  tokens: Tokens;
  sender: Sender;
  now: () => number;
}): Promise<AttemptOutcome> {
  const startedAt = performance.now();
  const key = cacheKey(request, config);
  const token = await tokens.of(key, {
    owner: request.poolKey,
    chain: chainOf(request, config),
    timeoutMs: request.timeoutMs,
    build: (refreshToken) => tokenRequest({ request, config, refreshToken, nowMs: now() }),
  });
  if ('kind' in token) return token;

  const spentMs = Math.round(performance.now() - startedAt);
  const timeoutMs = Math.max(request.timeoutMs - spentMs, 1);
  const ready = withHeader(request, ['authorization', `Bearer ${token.value}`]);
  const outcome = await sender.send({ ...ready, timeoutMs });
  // Revoked before its time: the next attempt asks for a new one.
  if (outcome.kind === 'failed' && outcome.responseStatus === 401) tokens.forget(key);
  return outcome;
}

/** Tokens are shared by all who hold the very same credentials in the same project, and nobody else. */
function cacheKey({ poolKey, url }: OutgoingRequest, config: DestinationAuth): string {
  // An identity token is made out to one service, so its host is part of what is kept.
  const audience = config.auth_type === 'GCP_SERVICE_ACCOUNT' ? new URL(url).origin : '';
  return hashOf([poolKey, config, audience]);
}

/** Stands for a refresh token as it was saved, and those that came after it, whatever secret or scope it is saved with. */
function chainOf({ poolKey }: OutgoingRequest, config: DestinationAuth): string | null {
  if (config.auth_type !== 'OAUTH2_AUTHORIZATION_CODE') return null;
  const { auth_server: server, client_id: client, refresh_token: saved } = config.auth;
  return hashOf([poolKey, server, client, saved]);
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64');
}

function withHeader(request: OutgoingRequest, header: Header): OutgoingRequest {
  const name = header[0].toLowerCase();
  const others = request.headers.filter(([own]) => own.toLowerCase() !== name);
  return { ...request, headers: [...others, header] };
}

/** Sets a query parameter and leaves every other character of the query as it was. */
function withParameter(text: string, { name, value }: { name: string; value: string }): string {
  const parts = splitUrl(text);
  if (parts === null) return text;
  const pairs = parts.query.split('&');
  const others = pairs.filter((pair) => pair !== '' && !new URLSearchParams(pair).has(name));
  const query = [...others, `${encodeURIComponent(name)}=${encodeURIComponent(value)}`].join('&');
  return joinUrl({ ...parts, query });
}
