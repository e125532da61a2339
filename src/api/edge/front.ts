import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIngest, isPublish } from '../ingest/target.ts';
import { refusal, type Answer } from '../ingest/answer.ts';
import type { Socket } from 'node:net';
import type { Trust } from './addresses.ts';
import { noteCaller, peerOf } from './caller.ts';
import { isFromForeignPage } from './foreign-page.ts';
import { readForwarded } from './forwarded.ts';
import { hostProblem } from './host.ts';
import { finish } from './linger.ts';
import { createPipeline } from './pipeline.ts';
import { createServedHosts, type ServedHosts } from './served-hosts.ts';
import { parseRequestTarget } from './target.ts';

type Options = {
  /** The proxies that are believed what they say of a request. */
  trust: Trust;
  publicUrl: string;
  /** The name or address that is listened on. */
  host: string;
  /** Further names of the admin API. */
  allowedHosts: readonly string[];
};

type Handler = (req: IncomingMessage, res: ServerResponse) => void;
type Known = Options & { serves: ServedHosts; publicHost: string };

const HEALTH = /^\/(?:healthz|readyz)(?:[?/]|$)/;
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/**
 * What every request goes through before anybody looks at it: its target and host are made one of a kind, its sender is
 * found behind our proxies, and what must not reach the admin API is refused.
 */
export function createFront(options: Options, { api, ingest }: { api: Handler; ingest: Handler }) {
  const publicHost = new URL(options.publicUrl).host;
  const known = { ...options, publicHost, serves: createServedHosts(options) };
  // What follows a request that two readers could read differently may be no request at all.
  const unreadable = new WeakSet<Socket>();
  const pipeline = createPipeline();
  return (req: IncomingMessage, res: ServerResponse): void => {
    if (unreadable.has(req.socket)) return void req.resume();
    if (!pipeline.enter(req, res)) {
      // Answered in its turn it would be kept until then, with all that came behind it.
      unreadable.add(req.socket);
      return void req.socket.destroy();
    }
    const refused = admit(known, req);
    if (refused?.status === 400) unreadable.add(req.socket);
    if (refused) return finish(req, res, refused);
    const isAdmin = !isIngest(req.url ?? '');
    // A browser asks whether another page may: without an answer that says so, it may not.
    if (isAdmin && req.method === 'OPTIONS') return finish(req, res, allowed());
    (isAdmin ? api : ingest)(req, res);
  };
}

function admit(known: Known, req: IncomingMessage): Answer | null {
  const problem = framingProblem(req) ?? hostProblem(req.rawHeaders, req.httpVersion);
  if (problem) return unreadable(problem);
  const { url = '/', headers } = req;
  const target = parseRequestTarget(url);
  if (target.kind === 'invalid') return unreadable(target.message);
  if (target.kind === 'server') return serverAnswer(req);
  req.url = target.path;
  // The request line wins (RFC 9112 §3.2.2).
  if (target.authority !== null) headers.host = target.authority;
  const peer = peerOf(req.socket);
  const { address, proto, host: seen } = readForwarded(headers, { peer, trust: known.trust });
  const host = seen ?? headers.host ?? null;
  const isProxied = proto !== null || seen !== null;
  const origin = isProxied && host !== null ? `${proto ?? 'http'}://${host}` : null;
  noteCaller(req, { address, host, origin });
  return isIngest(req.url) && !isPublish(req.url) ? null : adminProblem(known, { req, host });
}

function adminProblem(
  { serves, publicHost }: Known,
  { req, host }: { req: IncomingMessage; host: string | null },
): Answer | null {
  if (HEALTH.test(req.url ?? '')) return null;
  if (host !== null && !serves(host)) {
    const message = `The API is not served under the host ${host}. Set PUBLIC_URL or add the name to ALLOWED_HOSTS.`;
    return refusal('MISDIRECTED_REQUEST', message, { data: { host } });
  }
  const hosts = host === null ? [publicHost] : [publicHost, host];
  if (!isFromForeignPage(req, hosts)) return null;
  const message =
    'A page of another origin may not do this. If it is your own, open it under the host it calls; behind a proxy that changes the Host, set PUBLIC_URL to where it is opened.';
  return refusal('FORBIDDEN', message, { data: { origin: req.headers.origin ?? null } });
}

/** What Node lets pass and another reader would take for something else. */
function framingProblem({
  headers,
  httpVersion,
  httpVersionMajor,
}: IncomingMessage): string | null {
  if (httpVersionMajor < 1) return 'Only HTTP/1.0 and HTTP/1.1 are spoken here.';
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return null;
  if (httpVersion !== '1.1') return 'A request of HTTP/1.0 has no Transfer-Encoding.';
  return coding.toLowerCase() === 'chunked'
    ? null
    : 'The only Transfer-Encoding known is chunked: compress with Content-Encoding instead.';
}

/** `OPTIONS *` asks about the server as a whole. */
function serverAnswer({ method }: IncomingMessage): Answer {
  if (method === 'OPTIONS') return allowed();
  return unreadable('The request target * is for OPTIONS alone.');
}

function unreadable(message: string): Answer {
  return refusal('BAD_REQUEST', message, { headers: { connection: 'close' } });
}

function allowed(): Answer {
  return { status: 204, headers: { allow: METHODS, vary: 'Origin' }, body: '' };
}
