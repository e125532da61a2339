import { setImmediate as otherWorkDone } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { payloadText, type PayloadJob } from './payload-text.ts';
import type { Answered, Asked } from './payload-thread.ts';

/** Writes payloads as JSON without holding up anybody else in this process. */
export type PayloadWriter = {
  write(job: PayloadJob): Promise<Uint8Array>;
  /** A page of payloads: few are made at once, each in its turn. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
};

const PAGES_AT_ONCE = 2;
// Written on the spot: a trip to the thread costs as much.
const SMALL_BYTES = 8_192;
const IDLE_MS = 30_000;
const THREAD = new URL('./payload-thread.ts', import.meta.url);
// A body of 10 MiB may be a million values.
const LIMITS = { maxOldGenerationSizeMb: 1_024 };

type Waiting = PromiseWithResolvers<Uint8Array>;

/** Small payloads are written here, one a turn of the event loop, all others in a thread, which ends when it is idle. */
export function createPayloadWriter(): PayloadWriter {
  const waiting = new Map<number, Waiting>();
  const turns = createTurns(PAGES_AT_ONCE);
  let count = 0;
  let thread: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;

  function start(): Worker {
    const started = new Worker(THREAD, { resourceLimits: LIMITS });
    started.unref();
    const end = (error?: Error) => {
      if (thread === started) giveUp(error);
    };
    started.on('message', (answered: Answered) => settle(answered));
    started.on('error', end);
    started.on('exit', () => end());
    return started;
  }

  /** What waits was asked of the thread that is there now; the next one begins with nothing. */
  function giveUp(error = new Error('The thread that shows payloads has ended')): void {
    thread = undefined;
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  }

  function settle(answered: Answered): void {
    const one = waiting.get(answered.id);
    waiting.delete(answered.id);
    if ('text' in answered) one?.resolve(answered.text);
    else one?.reject(new Error(answered.fault));
    if (waiting.size > 0) return;
    clearTimeout(idle);
    idle = setTimeout(() => void stop(), IDLE_MS).unref();
  }

  async function stop(): Promise<void> {
    clearTimeout(idle);
    const stopped = thread;
    giveUp();
    await stopped?.terminate();
  }

  function elsewhere(job: PayloadJob): Promise<Uint8Array> {
    clearTimeout(idle);
    const id = count++;
    const one = Promise.withResolvers<Uint8Array>();
    waiting.set(id, one);
    thread ??= start();
    thread.postMessage({ id, job } satisfies Asked);
    return one.promise;
  }

  return {
    async write(job) {
      if (sizeOf(job) > SMALL_BYTES) return elsewhere(job);
      await otherWorkDone();
      return Buffer.from(payloadText(job));
    },
    inTurn: turns,
    close: stop,
  };
}

function sizeOf(job: PayloadJob): number {
  switch (job.kind) {
    case 'request':
    case 'event':
      return (job.payload.body?.length ?? 0) + JSON.stringify(job.payload.headers).length;
    case 'body':
      return job.body.length;
    case 'execution': {
      const { input, output } = job.row;
      return (input?.length ?? 0) + (output?.length ?? 0) + (job.original?.body?.length ?? 0);
    }
  }
}

function createTurns(atOnce: number) {
  const line: (() => void)[] = [];
  let free = atOnce;
  return async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes to the next without being free in between.
      const next = line.shift();
      if (next) next();
      else free++;
    }
  };
}
