import type { IncomingMessage, ServerResponse } from 'node:http';
import { BacklogFull } from '../../db/batcher.ts';
import { gatewayNow } from '../../db/clock.ts';
import { finish } from '../edge/linger.ts';
import { tooFine, tooSlow, unavailable, write, type Answer } from './answer.ts';
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
    answer(options, { req, receivedAtMs: gatewayNow() }).then(
      (reply) => reply && finish(req, res, reply),
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
  const { maxBodyBytes: maxBytes, budget } = options;
  const { read, release } = await readBody(incoming.req, { maxBytes, budget });
  try {
    if (read.kind === 'aborted') return null;
    if (read.kind === 'slow') return tooSlow();
    if (read.kind === 'crumbs') return tooFine();
    // Not kept: there was no room for it.
    if (read.kind === 'busy') return unavailable();
    const arrived = arrive(incoming, { ...options, found, read });
    return await keep(options, await judge(options, arrived));
  } finally {
    release();
  }
}

async function keep(
  { store, log, rejectedBodies }: IngestOptions,
  { arrival, afterwards, meanwhile, answer }: Judgement,
): Promise<Answer> {
  const { id: request, sourceId: source } = arrival.request;
  try {
    const { requestId } = await store.add(rejectedBodies.keep(arrival));
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
