import type { IncomingMessage, ServerResponse } from 'node:http';
import { BacklogFull } from '../../db/batcher.ts';
import { unavailable, write, type Answer } from './answer.ts';
import { arrive } from './arrival.ts';
import { readBody } from './body.ts';
import { answerFastly } from './fastly.ts';
import { findSource } from './find-source.ts';
import { judge, type Judgement } from './judge.ts';
import type { Incoming, IngestOptions } from './options.ts';
import { isFastlyChallenge } from './target.ts';

/** Takes requests in: reads the raw bytes, judges and stores them durably, and only then answers. */
export function createIngest(options: IngestOptions) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    answer(options, { req, receivedAtMs: Date.now() }).then(
      (reply) => reply && finish(req, { res, reply }),
      (error: unknown) => {
        options.log.error({ error }, 'Ingest failed');
        if (!res.headersSent) write(res, unavailable());
      },
    );
  };
}

async function answer(options: IngestOptions, incoming: Incoming): Promise<Answer | null> {
  if (isFastlyChallenge(incoming.req.url ?? '')) return answerFastly(options, incoming);
  const found = await findSource(options, incoming.req);
  if ('answer' in found) return found.answer;
  const read = await readBody(incoming.req, { maxBytes: options.maxBodyBytes });
  if (read.kind === 'aborted') return null;
  const arrived = arrive(incoming, { found, read, publicUrl: options.publicUrl });
  return keep(options, await judge(options, arrived));
}

async function keep(
  { store, log }: IngestOptions,
  { arrival, afterwards, meanwhile, answer }: Judgement,
): Promise<Answer> {
  const { id: request, sourceId: source } = arrival.request;
  try {
    const { requestId } = await store.add(arrival);
    await afterwards?.();
    meanwhile?.().catch((error: unknown) =>
      log.warn({ error, request, source }, 'A handshake could not be completed'),
    );
    return answer(requestId);
  } catch (error) {
    if (!(error instanceof BacklogFull)) {
      log.warn({ error, request }, 'A request could not be stored');
    }
    return unavailable();
  }
}

const LINGER_MS = 2_000;
const LINGER_BYTES = 4 * 1024 * 1024;

function finish(
  req: IncomingMessage,
  { res, reply }: { res: ServerResponse; reply: Answer },
): void {
  if (!req.complete) linger(req);
  write(res, req.method === 'HEAD' ? { ...reply, body: '' } : reply);
}

/**
 * What is left of a body that was too large is read and thrown away for a while before the connection is closed:
 * closed at once, it would be reset, and the answer lost with it.
 */
function linger(req: IncomingMessage): void {
  const { socket } = req;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  // What the server calls once the answer is written: say that nothing more comes, and go on reading.
  socket.destroySoon = () => socket.end();
  req.once('end', () => socket.destroy());
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    // Enough for whoever was nearly done; the others have to wait, and meet the answer.
    if (bytes > LINGER_BYTES) req.pause();
  });
  req.resume();
}
