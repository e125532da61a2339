import type { Received } from './received.ts';

/** Judges a request, more than once if need be: `judge` must change nothing. */
export type Open = <T>(
  received: Received,
  judge: (received: Received) => T | Promise<T>,
  options?: {
    /** Given where the line is full, and nothing is decoded. Absent: it waits, however long. */
    whenFull?: () => T;
  },
) => Promise<T>;

type Options = {
  /** How many bodies are decoded at once. The thread pool has four threads, and files and keys need it too. */
  atOnce: number;
  /** How many more may wait. */
  mostWaiting?: number;
};

/**
 * Makes large compressed bodies open without holding up everybody else. A request is judged with its body closed
 * first, which most forged ones do not survive; only where the judge asks for the inside is it decoded in the thread
 * pool, a few at a time, and the request judged again.
 */
export function createOpener({ atOnce, mostWaiting = Infinity }: Options): Open {
  const line = createLine(atOnce);
  return async (received, judge, { whenFull } = {}) => {
    const { largeBody } = received;
    if (largeBody === undefined || largeBody.isDecoded()) return judge(received);
    const { closed, isAsked } = closedOf(received);
    const verdict = await judge(closed);
    if (!isAsked()) return verdict;
    if (whenFull !== undefined && line.waiting() >= mostWaiting) return whenFull();
    await line.run(largeBody.decode);
    return judge(received);
  };
}

// The inside is null, as if it could not be decoded; whatever is made of that is thrown away.
function closedOf(received: Received): { closed: Received; isAsked: () => boolean } {
  let isAsked = false;
  const decodedBody = () => {
    isAsked = true;
    return null;
  };
  const closed = { ...received, decodedBody, decodingProblem: () => undefined };
  return { closed, isAsked: () => isAsked };
}

function createLine(atOnce: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    waiting: () => waiting.length,
    async run(work: () => Promise<void>): Promise<void> {
      if (running < atOnce) running++;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        await work();
      } finally {
        // The place goes to the next without being free in between.
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}
