import { createHmac, randomUUID } from 'node:crypto';
import { request, type Agent } from 'node:http';
import { nowUs } from '../clock.ts';
import { makeBody } from './body.ts';

/** A steady stream of requests to one URL. */
export type StreamSpec = {
  url: string;
  rate: number;
  total: number;
  bodyBytes: number;
  run: number;
  /** Number of customers the requests are spread over; 0: none is named. */
  customers: number;
  /** How long after the others this one begins. */
  delayUs: number;
  firstSeq: number;
  signingSecret: string | null;
};

/** What became of a stream's requests; columns in order of acknowledgement, times in microseconds. */
export type StreamResult = {
  sent: number;
  ackedSeq: Uint32Array;
  ackUs: Float64Array;
  /** When each request was sent, in order of its number. */
  sentAtUs: Float64Array;
  /** How much later than due each request was sent: the generator's own fault. */
  lateUs: Float64Array;
  /** Answers other than 2xx and broken connections, by status or code. */
  errors: Record<string, number>;
};

const ANSWER_TIMEOUT_MS = 60_000;

/** Sends what is due whenever `fireDue` is called; never waits for an answer to send the next. */
export function createStream(
  spec: StreamSpec,
  { agent, startUs: allStartUs }: { agent: Agent; startUs: number },
) {
  const startUs = allStartUs + spec.delayUs;
  const ackedSeq: number[] = [];
  const ackUs: number[] = [];
  const sentAt: number[] = [];
  const late: number[] = [];
  const errors: Record<string, number> = {};
  const intervalUs = 1_000_000 / spec.rate;
  let settled = 0;

  function fail(kind: string): void {
    errors[kind] = (errors[kind] ?? 0) + 1;
    settled++;
  }

  function fire(nth: number): void {
    const sentAtUs = nowUs();
    sentAt.push(sentAtUs);
    late.push(sentAtUs - startUs - nth * intervalUs);
    const { run, customers, firstSeq, signingSecret } = spec;
    const seq = firstSeq + nth;
    const customerId = customers > 0 ? { customerId: `customer-${seq % customers}` } : {};
    const body = makeBody({ run, seq, sentAtUs, ...customerId }, spec.bodyBytes);
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      ...(signingSecret === null ? {} : signature(body, signingSecret)),
    };
    const req = request(spec.url, { method: 'POST', agent, headers, timeout: ANSWER_TIMEOUT_MS });
    req.on('response', (res) => {
      res.resume();
      res.on('end', () => {
        const status = res.statusCode ?? 0;
        if (status < 200 || status > 299) return fail(String(status));
        ackedSeq.push(seq);
        ackUs.push(nowUs() - sentAtUs);
        settled++;
      });
    });
    req.on('timeout', () => req.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    req.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    req.end(body);
  }

  return {
    fireDue(atUs: number): void {
      const due = Math.min(spec.total, Math.floor((atUs - startUs) / intervalUs) + 1);
      while (sentAt.length < due) fire(sentAt.length);
    },
    isSent: () => sentAt.length >= spec.total,
    isSettled: () => settled >= spec.total,
    result: (): StreamResult => ({
      sent: sentAt.length,
      ackedSeq: Uint32Array.from(ackedSeq),
      ackUs: Float64Array.from(ackUs),
      sentAtUs: Float64Array.from(sentAt),
      lateUs: Float64Array.from(late),
      errors,
    }),
  };
}

/** The headers of a GitHub webhook: a delivery id of its own, and the body's signature. */
function signature(body: Buffer, secret: string): Record<string, string> {
  const hex = createHmac('sha256', secret).update(body).digest('hex');
  return { 'x-github-delivery': randomUUID(), 'x-hub-signature-256': `sha256=${hex}` };
}
