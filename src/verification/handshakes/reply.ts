import { createHmac } from 'node:crypto';
import type { SourceConfig } from '../source-config.ts';
import type { HandshakeAnswer } from './handshake.ts';

const LONGEST_CHALLENGE = 4096;

// What comes back is what somebody sent: never let a browser make a page of it.
const NO_SNIFF = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };

/** Echoes a challenge as plain text. */
export function plain(text: string): HandshakeAnswer | null {
  if (text.length === 0 || text.length > LONGEST_CHALLENGE) return null;
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...NO_SNIFF },
    body: text,
  };
}

/** An answer with a JSON body, or with none. */
export function answered(
  status: number,
  json?: unknown,
  headers: Record<string, string> = {},
): HandshakeAnswer {
  return json === undefined
    ? { status, headers: { ...NO_SNIFF, ...headers }, body: '' }
    : {
        status,
        headers: { 'content-type': 'application/json', ...NO_SNIFF, ...headers },
        body: JSON.stringify(json),
      };
}

/** Whether a text may go into a header as it is. */
export function headerSafe(text: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/.test(text);
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** A text field of the source's `auth`; empty where it is not set. */
export function configText(config: SourceConfig, field: string): string {
  const value = config.auth?.[field];
  return typeof value === 'string' ? value : '';
}

/** Whether a request is small enough to be a question, and the challenge in it a text. */
export function challengeText(value: unknown): string | null {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_CHALLENGE
    ? value
    : null;
}

// What providers send as a challenge; no body, and no text that a signature covers, is made of this alone.
const SIGNABLE = /^[\w+/=.-]{1,128}$/;

/**
 * A challenge that is answered with its signature under the source's secret. Anybody can ask, and the answer would
 * sign whatever was asked: so only what cannot be an event is signed.
 */
export function signableText(value: unknown): string | null {
  return typeof value === 'string' && SIGNABLE.test(value) ? value : null;
}

export function hmacSha256(
  secret: string,
  { text, encoding }: { text: string; encoding: 'hex' | 'base64' },
): string {
  return createHmac('sha256', secret).update(text).digest(encoding);
}
