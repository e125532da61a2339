import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from './ingest/answer.ts';

const BROKEN = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'The request is not valid HTTP and could not be read.',
};
const FAULTS: Record<string, typeof BROKEN> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'HEADERS_TOO_LARGE',
    message: 'The headers and the URL together exceed 16 kB. Shorten them.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'REQUEST_TIMEOUT',
    message: 'The request did not arrive completely in time. Send it again.',
  },
  HPE_INVALID_CONTENT_LENGTH: {
    ...BROKEN,
    message: 'The Content-Length is invalid. It must be a single whole number.',
  },
  HPE_UNEXPECTED_CONTENT_LENGTH: {
    ...BROKEN,
    message:
      'The request gives its length twice. Send either one Content-Length or Transfer-Encoding.',
  },
  HPE_INVALID_TRANSFER_ENCODING: {
    ...BROKEN,
    message: 'The Transfer-Encoding must be chunked, once, and without a Content-Length.',
  },
  HPE_INVALID_EOF_STATE: {
    ...BROKEN,
    message: 'The connection ended before the request did.',
  },
};

/** Answers what never became a request, for Node.js would do so without a word. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, code, message } = FAULTS[error.code ?? ''] ?? BROKEN;
  const body = JSON.stringify({ code, status, message, data: null });
  const answer = { status, headers: { 'content-type': 'application/json' }, body };
  const before = underWay(socket);
  if (!before) return answerRaw(socket, answer);
  // A whole request came before this one, and its answer has to come first.
  before.once('close', () => {
    if (socket.writable) answerRaw(socket, answer);
    else socket.destroy();
  });
}

const CLOSE_MS = 2_000;

/** Writes an answer where there is no request to answer, and closes the connection. */
export function answerRaw(socket: Duplex, { status, headers, body }: Answer): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // The other side need not close, and what it still sends is read no more.
  const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}

/** The answer that a whole request on this connection still waits for. */
function underWay(socket: Duplex): ServerResponse | null {
  // Node keeps it there, for its own default answer to such an error.
  const response = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
  return response?.req?.complete && !response.writableFinished ? response : null;
}
