// What RFC 9110 §4.2.1 lets stand there, without what no host name has: commas, quotes and the like only serve to be
// read differently by two readers.
const NAME = /^(?:[a-z0-9_~-]|%[0-9a-f]{2})(?:[a-z0-9._~-]|%[0-9a-f]{2})*$/i;
const LITERAL = /^\[[0-9a-f:.]*:[0-9a-f:.]*\]$/i;
const PARTS = /^(\[[^[\]]*\]|[^:[\]]*)(?::(\d*))?$/;
const MAX_LENGTH = 261;

export type Host = { name: string; port: string };

/** Takes `host[:port]` apart (RFC 9112 §3.2): the name in lower case, without a last dot; null where it is none. */
export function parseHost(text: string): Host | null {
  if (text.length > MAX_LENGTH) return null;
  const [, written = '', port = ''] = PARTS.exec(text) ?? [];
  if (!(written.startsWith('[') ? isLiteral(written) : NAME.test(written))) return null;
  if (Number(port) > 65_535) return null;
  const name = written.toLowerCase().replace(/(?<=.)\.$/, '');
  return { name, port };
}

function isLiteral(text: string): boolean {
  return LITERAL.test(text) && URL.canParse(`http://${text}/`);
}

const NONE = 'The request has no Host header: say which host it is for (RFC 9112, section 3.2).';
const SEVERAL = 'The request has several Host headers: send one (RFC 9112, section 3.2).';
const INVALID =
  'The Host header is no host name or address with an optional port: correct it (RFC 9112, section 3.2).';

/** What is wrong with a request's Host headers, in a sentence; null where nothing is. */
export function hostProblem(rawHeaders: readonly string[], httpVersion: string): string | null {
  const hosts = rawHeaders.filter(
    (_text, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === 'host',
  );
  if (hosts.length > 1) return SEVERAL;
  const [host] = hosts;
  if (host === undefined) return httpVersion === '1.1' ? NONE : null;
  return parseHost(host) ? null : INVALID;
}
