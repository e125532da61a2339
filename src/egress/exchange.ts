import type { Dispatcher } from 'undici';
import {
  AttemptErrorCode,
  parseRetryAfter,
  type AttemptOutcome,
  type Header,
} from '../domain/outcome.ts';
import { AddressDenied } from './address-guard.ts';
import { faultOf, timeoutFault, type Fault } from './error-codes.ts';
import { headerValue, pairHeaders } from './headers.ts';

/** How much of an answer is kept, and how much is read at most to keep its connection usable. */
export type AnswerLimits = { keptBytes: number; drainedBytes: number };

type Controller = Dispatcher.DispatchController;

/** One request and its answer as undici reports them; settles once, whatever comes afterwards. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #settled: (outcome: AttemptOutcome) => void;
  readonly #limits: AnswerLimits;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAtMs = Date.now();
  readonly #startedAt = performance.now();
  #isSettled = false;
  #controller: Controller | null = null;
  #deliveredAtMs: number | null = null;
  #respondedAtMs: number | null = null;
  #status: number | null = null;
  #headers: Header[] = [];
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  #readBytes = 0;

  constructor(
    settled: (outcome: AttemptOutcome) => void,
    { timeoutMs, limits }: { timeoutMs: number; limits: AnswerLimits },
  ) {
    this.#settled = settled;
    this.#limits = limits;
    this.#timer = setTimeout(() => this.#end(timeoutFault(timeoutMs)), timeoutMs);
  }

  onRequestStart(controller: Controller): void {
    // Its deadline passed while it waited for a connection: not sending it leaves the connection whole.
    if (this.#isSettled) throw new Error('The attempt was over before a connection was free.');
    this.#controller = controller;
  }

  onRequestSent(): void {
    this.#deliveredAtMs = Date.now();
  }

  onResponseStart(controller: Controller, statusCode: number): void {
    if (statusCode < 200 || this.#isSettled) return;
    this.#respondedAtMs = Date.now();
    this.#status = statusCode;
    this.#headers = pairHeaders(controller.rawHeaders);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#isSettled) return;
    this.#readBytes += chunk.length;
    const room = this.#limits.keptBytes - this.#keptBytes;
    if (room > 0) {
      const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
      this.#chunks.push(kept);
      this.#keptBytes += kept.length;
    }
    // The status has said it all; an endless answer is not worth its connection.
    if (this.#readBytes > this.#limits.drainedBytes) this.#end(null);
  }

  onResponseEnd(): void {
    this.#controller = null;
    this.#end(null);
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    this.#controller = null;
    if (error instanceof AddressDenied) this.#refuse(error.message);
    else this.#end(faultOf(error));
  }

  #refuse(message: string): void {
    this.#settle({ kind: 'refused', errorCode: AttemptErrorCode.DestinationNotAllowed, message });
  }

  #end(fault: Fault | null): void {
    if (this.#isSettled) return;
    const status = this.#status;
    const isSuccess = fault === null && status !== null && status >= 200 && status < 300;
    this.#settle({
      kind: isSuccess ? 'delivered' : 'failed',
      responseStatus: status,
      responseHeaders: this.#headers,
      responseBody: bodyOf(this.#chunks),
      bodyTruncated: this.#readBytes > this.#keptBytes,
      errorCode: fault?.errorCode ?? null,
      message: fault?.message ?? null,
      startedAtMs: this.#startedAtMs,
      deliveredAtMs: this.#deliveredAtMs,
      respondedAtMs: this.#respondedAtMs,
      latencyMs: Math.round(performance.now() - this.#startedAt),
      retryAfter: isSuccess ? null : this.#retryAfter(),
      location: isSuccess ? null : (headerValue(this.#headers, 'location') ?? null),
    });
  }

  #retryAfter() {
    return parseRetryAfter(headerValue(this.#headers, 'retry-after'), Date.now());
  }

  #settle(outcome: AttemptOutcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    const controller = this.#controller;
    this.#controller = null;
    this.#settled(outcome);
    controller?.abort(new Error('The attempt is over.'));
  }
}

const NO_BODY = Buffer.alloc(0);

function bodyOf(chunks: Buffer[]): Buffer {
  return chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? NO_BODY);
}
