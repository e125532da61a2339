import type { IncomingMessage, ServerResponse } from 'node:http';
import { BacklogFull } from '../../db/batcher.ts';
import { unavailable, write, type Answer } from './answer.ts';
import { readBody } from './body.ts';
import { findSource } from './find-source.ts';
import { judge } from './judge.ts';
import { arrive } from './arrival.ts';
import type { Incoming, IngestOptions } from './options.ts';

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
  const found = await findSource(options, incoming.req);
  if ('answer' in found) return found.answer;
  const read = await readBody(incoming.req, { maxBytes: options.maxBodyBytes });
  if (read.kind === 'aborted') return null;
  const arrived = arrive(incoming, { found, read, publicUrl: options.publicUrl });
  const judgement = await judge(options, arrived);
  const { arrival } = judgement;
  try {
    const requestId = await options.store.add(arrival);
    await judgement.afterwards?.();
    return judgement.answer(requestId);
  } catch (error) {
    if (!(error instanceof BacklogFull)) {
      options.log.warn({ error, request: arrival.request.id }, 'A request could not be stored');
    }
    return unavailable();
  }
}

/** Answers. What is left of a body that was too large is read and thrown away for a while, so that the answer arrives. */
function finish(
  req: IncomingMessage,
  { res, reply }: { res: ServerResponse; reply: Answer },
): void {
  write(res, req.method === 'HEAD' ? { ...reply, body: '' } : reply);
  if (req.complete) return;
  req.resume();
  const timer = setTimeout(() => req.destroy(), 2_000);
  req.once('close', () => clearTimeout(timer));
}
