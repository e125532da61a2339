import { z } from 'zod';
import { AttemptErrorCode, type AttemptOutcome, type RefusedAttempt } from '../domain/outcome.ts';
import type { OutgoingRequest, Sender } from './send.ts';

type Token = { value: string; expiresAtMs: number };

export type RefreshTokenChanged = (change: {
  poolKey: string;
  before: string;
  after: string;
}) => void;

type TokenQuestion = {
  poolKey: string;
  timeoutMs: number;
  /** Makes the request for a token, with the refresh token that is valid now where one was handed out. */
  build(refreshToken: string | null): Promise<TokenRequest | RefusedAttempt>;
};

export type TokenRequest = {
  request: OutgoingRequest;
  /** The refresh token it uses up, if it uses one. */
  refreshToken: string | null;
};

export type Tokens = {
  of(key: string, question: TokenQuestion): Promise<Token | RefusedAttempt>;
  forget(key: string): void;
};

type Entry = {
  token: Token | null;
  asking: Promise<Token | RefusedAttempt> | null;
  /** The newest one a rotating server handed out. */
  refreshToken: string | null;
};

const answerShape = z
  .object({
    access_token: z.string().min(1).optional(),
    id_token: z.string().min(1).optional(),
    expires_in: z.coerce.number().positive().optional(),
    refresh_token: z.string().min(1).optional(),
  })
  .refine((answer) => answer.access_token !== undefined || answer.id_token !== undefined);

const MAX_KEPT_TOKENS = 1000;
const DEFAULT_LIFE_S = 300;
const MAX_TOKEN_WAIT_MS = 10_000;

/** Fetches access tokens and keeps each until shortly before it expires; one question at a time per key. */
export function createTokens({
  sender,
  refreshTokenChanged,
}: {
  sender: Sender;
  refreshTokenChanged: RefreshTokenChanged;
}): Tokens {
  const entries = new Map<string, Entry>();

  async function ask(entry: Entry, question: TokenQuestion): Promise<Token | RefusedAttempt> {
    const built = await question.build(entry.refreshToken);
    if ('kind' in built) return built;
    const timeoutMs = Math.min(question.timeoutMs, MAX_TOKEN_WAIT_MS);
    const answer = readAnswer(await sender.send({ ...built.request, timeoutMs }));
    if ('kind' in answer) return answer;
    const { refreshToken: after, token } = answer;
    const before = built.refreshToken;
    if (before !== null && after !== null && after !== before) {
      entry.refreshToken = after;
      refreshTokenChanged({ poolKey: question.poolKey, before, after });
    }
    entry.token = token;
    return token;
  }

  return {
    of(key, question) {
      const entry = entryOf(entries, key);
      const { token } = entry;
      if (token !== null && token.expiresAtMs > Date.now()) return Promise.resolve(token);
      entry.asking ??= ask(entry, question).finally(() => {
        entry.asking = null;
      });
      return entry.asking;
    },
    forget(key) {
      const entry = entries.get(key);
      if (entry !== undefined) entry.token = null;
    },
  };
}

function entryOf(entries: Map<string, Entry>, key: string): Entry {
  const entry = entries.get(key) ?? { token: null, asking: null, refreshToken: null };
  entries.delete(key);
  entries.set(key, entry);
  const oldest = entries.keys().next().value;
  if (entries.size > MAX_KEPT_TOKENS && oldest !== undefined) entries.delete(oldest);
  return entry;
}

export function handshakeFailed(message: string): RefusedAttempt {
  return { kind: 'refused', errorCode: AttemptErrorCode.Oauth2HandshakeFailed, message };
}

function readAnswer(
  outcome: AttemptOutcome,
): { token: Token; refreshToken: string | null } | RefusedAttempt {
  if (outcome.kind !== 'delivered') {
    const status = outcome.kind === 'failed' ? outcome.responseStatus : null;
    const reason = outcome.errorCode ?? status;
    return handshakeFailed(`The authorization server gave no token (${reason}).`);
  }
  const answer = answerShape.safeParse(parseJson(outcome.responseBody));
  if (!answer.success) return handshakeFailed("The authorization server's answer has no token.");
  const { data } = answer;
  // A tenth early, so that a token does not expire on its way to the destination.
  const expiresAtMs = Date.now() + Math.floor((data.expires_in ?? DEFAULT_LIFE_S) * 900);
  const token = { value: data.access_token ?? data.id_token ?? '', expiresAtMs };
  return { token, refreshToken: data.refresh_token ?? null };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}
