import type { ErrorBody } from '../domain/schema/error.ts';
import { ANSWER_CONTENT_TYPES } from './custom-response.ts';
import type { Answer } from './providers/define.ts';
import { headerSafe } from './handshakes/reply.ts';
import { definitionFor, type SourceConfig } from './source-config.ts';
import { sourceTypes, type SourceType } from './source-types.ts';
import type { UrlResponse } from './url-switches.ts';

/** Said where neither the source, nor the URL, nor the provider has a wish: the gateway's own answer. */
export type AnswerChoice = Answer | null;

/**
 * What a request is answered once it is kept: the URL's wish, then the source's, then the provider's; null for the
 * gateway's own words.
 */
export function acceptedAnswer(
  type: SourceType,
  { config, fromUrl }: { config: SourceConfig; fromUrl?: UrlResponse | undefined },
): AnswerChoice {
  if (fromUrl !== undefined) return { status: 200, ...fromUrl };
  const custom = config.custom_response;
  if (custom !== null && custom !== undefined) {
    const contentType =
      ANSWER_CONTENT_TYPES[custom.content_type as keyof typeof ANSWER_CONTENT_TYPES];
    return { status: 200, contentType: contentType ?? 'text/plain', body: custom.body };
  }
  const definition = definitionFor(type, { authType: config.auth_type }) ?? sourceTypes[type];
  return definition.answer;
}

/** In the shape of every error, and without the reason: whoever forges a request learns nothing from it. */
export const UNVERIFIED = {
  code: 'VERIFICATION_FAILED',
  status: 401,
  message: 'The request could not be verified.',
  data: null,
} as const satisfies ErrorBody;

/**
 * What a request that is not verified is answered. It is kept either way. 200 keeps a provider from switching the
 * webhook off; 401 where the provider tests for it, and where the sender is ours to tell.
 */
export function unverifiedAnswer(type: SourceType, config: SourceConfig): Answer | null {
  if (unverifiedStatus(type, config) === 200) return acceptedAnswer(type, { config });
  const isBare = type === 'XERO' || config.auth_type === 'XERO';
  return {
    status: 401,
    contentType: isBare ? 'text/plain' : 'application/json',
    body: isBare ? '' : JSON.stringify(UNVERIFIED),
  };
}

/** 401 or 200 for requests that are not verified: the source's own policy, or the provider's. */
export function unverifiedStatus(type: SourceType, config: SourceConfig): 200 | 401 {
  if (config.unverified_status === 200 || config.unverified_status === 401)
    return config.unverified_status;
  const definition = definitionFor(type, { authType: config.auth_type }) ?? sourceTypes[type];
  // Senders that still sign with MD5 are old enough to take 401 for an outage.
  const isMd5 = definition.scheme.kind === 'settings' && config.auth?.['algorithm'] === 'md5';
  return isMd5 ? 200 : definition.unverifiedStatus;
}

/** Headers that go with every answer of a source. */
export function answerHeaders(type: SourceType, config: SourceConfig): Record<string, string> {
  const secret = config.auth?.['log_drains_secret'];
  const isDrain = type === 'VERCEL_LOG_DRAINS' || config.auth_type === 'VERCEL_LOG_DRAINS';
  return isDrain && typeof secret === 'string' && headerSafe(secret)
    ? { 'x-vercel-verify': secret }
    : {};
}
