import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

const BROKEN = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'The request is not valid HTTP and could not be read.',
};
const FAULTS: Record<string, typeof BROKEN> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'HEADERS_TOO_LARGE',
    message: 'The headers and the URL together are larger than 16 kB: send less of them.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'REQUEST_TIMEOUT',
    message: 'The request did not arrive whole in time: send it again.',
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
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
