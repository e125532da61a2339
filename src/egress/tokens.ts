import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AttemptErrorCode, type AttemptOutcome, type RefusedAttempt } from '../domain/outcome.ts';
import type { OutgoingRequest, Sender } from './send.ts';

type Token = { value: string; expiresAtMs: number };

/** What an authorization server handed out last in exchange for a refresh token. */
export type KeptTokens = {
  refreshToken: string;
  /** What the access token was given for: it is of no use to others. */
  credentials: string;
  accessToken: string;
  expiresAtMs: number;
};

/**
 * Where tokens outlive this process, and are the same for all. A server that rotates refresh tokens takes each but once:
 * whoever uses one up has the lease.
 */
export type TokenStore = {
  read(key: string): Promise<KeptTokens | null>;
  /** Null where another has the lease. */
  lease(key: string, options: { owner: string; forMs: number }): Promise<Lease | null>;
  /** Keeps the tokens, unless those of a later lease are there. */
  save(key: string, kept: { owner: string; lease: Lease; tokens: KeptTokens }): Promise<void>;
  release(key: string, lease: Lease): Promise<void>;
};

/** When the lease began and when it ends, by the clock of the store and in its words. */
export type Lease = { begunAt: string; until: string };

type TokenQuestion = {
  /** Whose credentials they are. */
  owner: string;
  /** The refresh token that is used up for it, with all that were handed out in its place; null where there is none. */
  chain: string | null;
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
  /** One that the destination did not take, although its time was not over. */
  refused: string | null;
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
const LEASE_MS = 15_000;
const LOOK_EVERY_MS = 100;
const SAVE_TRIES = 10;
const SAVE_AGAIN_MS = 300;

type Options = {
  sender: Sender;
  store: TokenStore;
  /** The time that all processes share: what one keeps, another judges. */
  now: () => number;
};

/** Fetches access tokens and keeps each until shortly before it expires; one question at a time per key. */
export function createTokens({ sender, store, now }: Options): Tokens {
  const entries = new Map<string, Entry>();

  async function ask(
    question: TokenQuestion,
    refreshToken: string | null,
  ): Promise<Answer | RefusedAttempt> {
    const built = await question.build(refreshToken);
    if ('kind' in built) return built;
    const timeoutMs = Math.min(question.timeoutMs, MAX_TOKEN_WAIT_MS);
    const answer = readAnswer(await sender.send({ ...built.request, timeoutMs }), now());
    if ('kind' in answer) return answer;
    // A server that does not rotate them leaves it as it was.
    return { ...answer, refreshToken: answer.refreshToken ?? built.refreshToken };
  }

  /** The token that any process was given last, or a new one for the refresh token that is valid now. */
  async function refresh(
    chain: string,
    { question, known }: { question: TokenQuestion; known: Known },
  ): Promise<Token | RefusedAttempt> {
    const until = performance.now() + Math.min(question.timeoutMs, MAX_TOKEN_WAIT_MS);
    const { owner } = question;
    const take = () => store.lease(chain, { owner, forMs: LEASE_MS });
    let lease = await take();
    for (; lease === null; lease = await take()) {
      const kept = usable(await store.read(chain), { ...known, nowMs: now() });
      if (kept) return kept;
      if (performance.now() > until)
        return handshakeFailed('Another process did not get a token in time.');
      await sleep(LOOK_EVERY_MS);
    }
    const held = lease;
    let isSaved = false;
    try {
      const kept = await store.read(chain);
      const token = usable(kept, { ...known, nowMs: now() });
      if (token) return token;
      const answer = await ask(question, kept?.refreshToken ?? null);
      if ('kind' in answer) return answer;
      const { refreshToken, token: fresh } = answer;
      const { value: accessToken, expiresAtMs } = fresh;
      if (refreshToken !== null) {
        const { credentials } = known;
        const tokens = { refreshToken, credentials, accessToken, expiresAtMs };
        // The one before is worth nothing any more.
        await insist(() => store.save(chain, { owner, lease: held, tokens }));
        isSaved = true;
      }
      return fresh;
    } finally {
      if (!isSaved) await store.release(chain, held).catch(() => undefined);
    }
  }

  async function find(
    key: string,
    { entry, question }: { entry: Entry; question: TokenQuestion },
  ): Promise<Token | RefusedAttempt> {
    const { chain } = question;
    const known = { credentials: key, refused: entry.refused };
    if (chain !== null) return refresh(chain, { question, known });
    const answer = await ask(question, null);
    return 'kind' in answer ? answer : answer.token;
  }

  return {
    of(key, question) {
      const entry = entryOf(entries, key);
      const { token } = entry;
      if (token !== null && token.expiresAtMs > now()) return Promise.resolve(token);
      entry.asking ??= find(key, { entry, question })
        .then((found) => {
          if (!('kind' in found)) entry.token = found;
          return found;
        })
        .finally(() => (entry.asking = null));
      return entry.asking;
    },
    forget(key) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.refused = entry.token?.value ?? null;
      entry.token = null;
    },
  };
}

type Known = { credentials: string; refused: string | null };

/** What was kept, unless its time is over, it was refused, or it was given for something else. */
function usable(
  kept: KeptTokens | null,
  { credentials, refused, nowMs }: Known & { nowMs: number },
): Token | null {
  if (kept === null || kept.credentials !== credentials) return null;
  if (kept.expiresAtMs <= nowMs || kept.accessToken === refused) return null;
  return { value: kept.accessToken, expiresAtMs: kept.expiresAtMs };
}

/** Tries again for a while: what is not kept is lost. */
async function insist(save: () => Promise<void>): Promise<void> {
  for (let left = SAVE_TRIES; ; left--) {
    try {
      return await save();
    } catch (error) {
      if (left <= 1) throw error;
      await sleep(SAVE_AGAIN_MS);
    }
  }
}

/** Keeps tokens as long as the process lives. */
export function keepInMemory(): TokenStore {
  const kept = new Map<string, KeptTokens>();
  return {
    read: (key) => Promise.resolve(kept.get(key) ?? null),
    lease: () => Promise.resolve({ begunAt: '', until: '' }),
    save: (key, { tokens }) => Promise.resolve(void kept.set(key, tokens)),
    release: () => Promise.resolve(),
  };
}

function entryOf(entries: Map<string, Entry>, key: string): Entry {
  const entry = entries.get(key) ?? { token: null, asking: null, refused: null };
  entries.delete(key);
  entries.set(key, entry);
  const oldest = entries.keys().next().value;
  if (entries.size > MAX_KEPT_TOKENS && oldest !== undefined) entries.delete(oldest);
  return entry;
}

export function handshakeFailed(message: string): RefusedAttempt {
  return { kind: 'refused', errorCode: AttemptErrorCode.Oauth2HandshakeFailed, message };
}

type Answer = { token: Token; refreshToken: string | null };

function readAnswer(outcome: AttemptOutcome, nowMs: number): Answer | RefusedAttempt {
  if (outcome.kind !== 'delivered') {
    const status = outcome.kind === 'failed' ? outcome.responseStatus : null;
    const reason = outcome.errorCode ?? status;
    return handshakeFailed(`The authorization server gave no token (${reason}).`);
  }
  const answer = answerShape.safeParse(parseJson(outcome.responseBody));
  if (!answer.success) return handshakeFailed("The authorization server's answer has no token.");
  const { data } = answer;
  // A tenth early, so that a token does not expire on its way to the destination.
  const expiresAtMs = nowMs + Math.floor((data.expires_in ?? DEFAULT_LIFE_S) * 900);
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
