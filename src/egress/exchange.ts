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
import type { WireHandler } from './pools.ts';
import type { Wire } from './wire.ts';

/** How much of an answer is kept, and how much is read at most to keep its connection usable. */
export type AnswerLimits = { keptBytes: number; drainedBytes: number };

type Controller = Dispatcher.DispatchController;

export type ExchangeOptions = {
  timeoutMs: number;
  /** How long the rest of an answer is waited for once its status is known. */
  bodyTimeoutMs: number;
  limits: AnswerLimits;
  /** Sends the request once more, on a new connection. */
  sendAgain: (exchange: Exchange) => void;
  /** The time that the attempt shows and dates are measured by. */
  now: () => number;
};

// A timer that fires so late fired late because the process stood still.
const STOOD_STILL_MS = 1_000;
// No way to a receiver and back takes longer.
const CROSSING_MS = 1_000;

/** One request and its answer as undici reports them; settles once, whatever comes afterwards. */
export class Exchange implements WireHandler {
  wireOf: () => Wire | null = () => null;
  readonly #settled: (outcome: AttemptOutcome) => void;
  readonly #options: ExchangeOptions;
  #timer: NodeJS.Timeout;
  #endsAt: number;
  #wire: Wire | null = null;
  #isReused = false;
  #isSecond = false;
  #wasGoodbye = false;
  #begunAt = 0;
  readonly #now: () => number;
  readonly #startedAtMs: number;
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

  constructor(settled: (outcome: AttemptOutcome) => void, options: ExchangeOptions) {
    this.#now = options.now;
    this.#startedAtMs = options.now();
    this.#settled = settled;
    this.#options = options;
    this.#endsAt = this.#startedAt + options.timeoutMs;
    this.#timer = this.#wait(options.timeoutMs);
  }

  onRequestStart(controller: Controller): void {
    // Its deadline passed while it waited for a connection: not sending it leaves the connection whole.
    if (this.#isSettled) throw new Error('The attempt was over before a connection was free.');
    this.#controller = controller;
    this.#wire = this.wireOf();
    this.#isReused = this.#wire?.begin() === true;
    this.#begunAt = performance.now();
  }

  onRequestSent(): void {
    this.#deliveredAtMs = this.#now();
  }

  onResponseStart(controller: Controller, statusCode: number): void {
    if (statusCode < 200 || this.#isSettled) return;
    const headers = pairHeaders(controller.rawHeaders);
    if (this.#isGoodbye(statusCode, headers)) {
      this.#wasGoodbye = true;
      controller.abort(new Error('The receiver had given up the connection before the request.'));
      return;
    }
    this.#respondedAtMs = this.#now();
    this.#status = statusCode;
    this.#headers = headers;
    const leftMs = this.#endsAt - performance.now();
    if (leftMs <= this.#options.bodyTimeoutMs) return;
    clearTimeout(this.#timer);
    this.#endsAt -= leftMs - this.#options.bodyTimeoutMs;
    this.#timer = this.#wait(this.#options.bodyTimeoutMs);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#isSettled) return;
    this.#readBytes += chunk.length;
    const room = this.#options.limits.keptBytes - this.#keptBytes;
    if (room > 0) {
      const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
      this.#chunks.push(kept);
      this.#keptBytes += kept.length;
    }
    // The status has said it all; an endless answer is not worth its connection.
    if (this.#readBytes > this.#options.limits.drainedBytes) this.#end(null);
  }

  onResponseEnd(): void {
    this.#controller = null;
    this.#end(null);
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    this.#controller = null;
    if (error instanceof AddressDenied) return this.#refuse(error.message);
    const fault = faultOf(error, { hasStatus: this.#status !== null });
    if (!this.#mayGoAgain(fault)) return this.#end(fault);
    this.#isSecond = true;
    this.#deliveredAtMs = null;
    this.#options.sendAgain(this);
  }

  /**
   * A receiver closes a connection that it kept when it likes, also while a request is on its way. One that broke before
   * a byte of an answer has most likely not read the request; if it has, it knows it again by its `webhook-id`.
   */
  #mayGoAgain({ errorCode }: Fault): boolean {
    if (!this.#isReused || this.#isSecond || this.#isSettled) return false;
    const isBroken = errorCode === 'CONNECTION_RESET' || errorCode === 'SOCKET_CLOSED';
    return this.#wasGoodbye || (isBroken && this.#wire?.hasAnswered() !== true);
  }

  /**
   * Whether this is how a receiver says that nobody used the connection for too long (RFC 9110, section 15.5.9): it
   * crosses a request that was sent in the same moment, and answers none. One that comes later may be of a receiver that
   * has read the request.
   */
  #isGoodbye(status: number, headers: Header[]): boolean {
    const isClosing = /(?:^|,)\s*close\s*(?:,|$)/i.test(headerValue(headers, 'connection') ?? '');
    const isAtOnce = performance.now() - this.#begunAt < CROSSING_MS;
    return status === 408 && isClosing && isAtOnce && this.#isReused && !this.#isSecond;
  }

  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const lateMs = performance.now() - this.#endsAt;
      // Whoever was not asked before the process stood still had no time to answer.
      if (this.#deliveredAtMs === null && lateMs > STOOD_STILL_MS) {
        const moreMs = Math.min(lateMs, this.#options.timeoutMs);
        this.#endsAt = performance.now() + moreMs;
        this.#timer = this.#wait(moreMs);
        return;
      }
      // A timer comes before what lies in a socket: the loop reads that first.
      setImmediate(() => setImmediate(() => this.#end(this.#lateness())));
    }, ms);
  }

  #lateness(): Fault {
    if (this.#status === null) return timeoutFault(this.#options.timeoutMs);
    return { errorCode: AttemptErrorCode.Timeout, message: BODY_LATE };
  }

  #refuse(message: string): void {
    this.#settle({ kind: 'refused', errorCode: AttemptErrorCode.DestinationNotAllowed, message });
  }

  /** The status decides as soon as it is there; `fault` then says only what became of the body. */
  #end(fault: Fault | null): void {
    if (this.#isSettled) return;
    const status = this.#status;
    const isSuccess = status !== null && status >= 200 && status < 300;
    const isCut = fault !== null && status !== null;
    this.#settle({
      kind: isSuccess ? 'delivered' : 'failed',
      responseStatus: status,
      responseHeaders: this.#headers,
      responseBody: bodyOf(this.#chunks),
      bodyTruncated: isCut || this.#readBytes > this.#keptBytes,
      errorCode: isCut ? null : (fault?.errorCode ?? null),
      message: this.#message(fault, isCut),
      startedAtMs: this.#startedAtMs,
      deliveredAtMs: this.#deliveredAtMs,
      respondedAtMs: this.#respondedAtMs,
      latencyMs: Math.round(performance.now() - this.#startedAt),
      retryAfter: isSuccess ? null : this.#retryAfter(),
      location: isSuccess ? null : (headerValue(this.#headers, 'location') ?? null),
    });
  }

  #message(fault: Fault | null, isCut: boolean): string | null {
    const parts = [
      ...(fault ? [fault.message] : []),
      ...(isCut ? [BODY_CUT] : []),
      ...(this.#isSecond ? [this.#wasGoodbye ? SENT_AFTER_408 : SENT_AGAIN] : []),
    ];
    return parts.length > 0 ? parts.join(' ') : null;
  }

  #retryAfter() {
    return parseRetryAfter(headerValue(this.#headers, 'retry-after'), this.#now());
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

const BODY_LATE = 'The rest of the answer did not come in time.';
const BODY_CUT = "The answer's body is incomplete; its status counts.";
const SENT_AGAIN =
  'A kept connection broke before any answer came, so the request was sent again on a new connection.';
const SENT_AFTER_408 =
  'The receiver closed a kept connection as unused (408), so the request was sent again on a new connection.';
const NO_BODY = Buffer.alloc(0);

function bodyOf(chunks: Buffer[]): Buffer {
  return chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? NO_BODY);
}
