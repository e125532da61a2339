import type { IncomingMessage, ServerResponse } from 'node:http';
import { write, type Answer } from '../ingest/answer.ts';

const LINGER_MS = 2_000;
const LINGER_BYTES = 4 * 1024 * 1024;

/** Answers a request; where its body has not come to its end, the connection is closed behind the answer. */
export function finish(req: IncomingMessage, res: ServerResponse, reply: Answer): void {
  if (req.complete) return answer(req, res, reply);
  // What has come in one piece with its headers is read to its end before anything else happens.
  setImmediate(() => {
    if (req.complete) return answer(req, res, reply);
    linger(req, res);
    const headers = { ...reply.headers, connection: 'close' };
    answer(req, res, { ...reply, headers });
  });
}

function answer(req: IncomingMessage, res: ServerResponse, reply: Answer): void {
  write(res, req.method === 'HEAD' ? { ...reply, body: '' } : reply);
}

/**
 * What is left of a body that is not wanted is read and thrown away for a while before the connection is closed: closed
 * at once, it would be reset, and the answer lost with it.
 */
function linger(req: IncomingMessage, res: ServerResponse): void {
  const { socket } = req;
  const destroySoon = socket.destroySoon.bind(socket);
  let isOver = false;
  // What the server calls once all answers are written: say that nothing more comes, and go on reading.
  socket.destroySoon = () => {
    if (isOver) return destroySoon();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
  req.once('end', () => {
    isOver = true;
    if (res.writableFinished) destroySoon();
  });
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    // Enough for whoever was nearly done; the others have to wait, and meet the answer.
    if (bytes > LINGER_BYTES) req.pause();
  });
  req.resume();
}
