import { AttemptErrorCode, type AttemptOutcome, type Header } from '../domain/outcome.ts';
import type { AddressGuard } from './address-guard.ts';
import { Exchange } from './exchange.ts';
import { flattenHeaders } from './headers.ts';
import { createPools } from './pools.ts';
import { joinUrl, splitUrl } from './request-target.ts';

/** One HTTP request to send, complete but for host, connection and content-length. */
export type OutgoingRequest = {
  url: string;
  method: string;
  /** In the order and case they are to have on the wire. */
  headers: readonly Header[];
  body: Buffer;
  /** For everything together: name lookup, connection, TLS, request, answer. */
  timeoutMs: number;
  /** Connections are never shared between keys. */
  poolKey: string;
};

export type Sender = {
  /** Sends one request; never rejects: whatever goes wrong is an outcome. */
  send(request: OutgoingRequest): Promise<AttemptOutcome>;
  /** Lets what is under way finish for a while, then closes every connection. */
  close(): Promise<void>;
};

export type SenderOptions = {
  guard: AddressGuard;
  connectionsPerOrigin?: number;
  maxPools?: number;
  connectTimeoutMs?: number;
  keepAliveMs?: number;
  /** How long the rest of an answer is waited for once its status is known (10 s). */
  bodyTimeoutMs?: number;
  /** How much of an answer is kept (16 kB), and how much is read before its connection is given up. */
  keptBodyBytes?: number;
  drainedBodyBytes?: number;
  closeWithinMs?: number;
  /** The time that attempts show and dates are measured by; this machine's unless said. */
  now?: () => number;
  /** PEM certificates trusted beside the usual roots. */
  extraCertificates?: readonly string[];
};

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Makes the one way out: every request to an address that a user chose goes through it. */
export function createSender(options: SenderOptions): Sender {
  const { guard, keptBodyBytes = 16_384, drainedBodyBytes = 262_144 } = options;
  const { bodyTimeoutMs = 10_000 } = options;
  const limits = { keptBytes: keptBodyBytes, drainedBytes: drainedBodyBytes };
  const pools = createPools({
    guard,
    connectionsPerOrigin: options.connectionsPerOrigin ?? 80,
    maxPools: options.maxPools ?? 1000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    keepAliveMs: options.keepAliveMs ?? 10_000,
    extraCertificates: options.extraCertificates ?? [],
  });

  const { now = Date.now } = options;
  let isClosed = false;

  return {
    send(request) {
      if (isClosed) return refuse(AttemptErrorCode.NetworkRequestCanceled, STOPPING);
      const verdict = guard.checkUrl(request.url);
      if (!verdict.allowed) return refuse(verdict.errorCode, verdict.message);
      // undici would find these faults too, but keeps the connection it had picked marked as busy.
      const headers = flattenHeaders(request.headers);
      if (headers === null) return refuse(AttemptErrorCode.InvalidCharacter, BAD_HEADER);
      if (!isSendableMethod(request.method)) {
        return refuse(AttemptErrorCode.InvalidCharacter, BAD_METHOD);
      }

      const { url } = verdict;
      const { method, body, timeoutMs, poolKey } = request;
      return new Promise((resolve) => {
        const target = { poolKey, url };
        const sent = { path: pathOf(request.url, url), method, headers, body };
        const sendAgain = (again: Exchange) => pools.dispatchAlone(target, sent, again);
        const exchange = new Exchange(resolve, {
          timeoutMs,
          bodyTimeoutMs,
          limits,
          sendAgain,
          now,
        });
        pools.dispatch(target, sent, exchange);
      });
    },
    close() {
      isClosed = true;
      return pools.close(options.closeWithinMs ?? 10_000);
    },
  };
}

/** Path and query as they are written, not as URL would write them. */
function pathOf(text: string, url: URL): string {
  const parts = splitUrl(text);
  if (parts === null) return url.pathname + url.search;
  return joinUrl({ ...parts, origin: '' });
}

const BAD_HEADER = 'A header of the request holds a character that HTTP does not allow.';
const BAD_METHOD = 'The HTTP method is not one that can be delivered.';
const STOPPING = 'The gateway is stopping.';

/** CONNECT asks for a tunnel, which is no delivery. */
function isSendableMethod(method: string): boolean {
  return METHOD.test(method) && method.toUpperCase() !== 'CONNECT';
}

function refuse(errorCode: AttemptErrorCode, message: string): Promise<AttemptOutcome> {
  return Promise.resolve({ kind: 'refused', errorCode, message });
}
