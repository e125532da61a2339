import { setImmediate as others } from 'node:timers/promises';
import { LARGEST_AT_ONCE_BYTES, LATER } from './body/aside.ts';
import type { Received } from './received.ts';

/** Judges a request, more than once if need be: `judge` must change nothing. */
export type Open = <T>(
  received: Received,
  judge: (received: Received) => T | Promise<T>,
  options?: {
    /** Given where the line is full, and nothing is opened. Absent: it waits, however long. */
    whenFull?: () => T;
  },
) => Promise<T>;

type Options = {
  /** How many bodies are opened at once. The thread pool has four threads, and files and keys need it too. */
  atOnce: number;
  /** How many more may wait. */
  mostWaiting?: number;
};

/**
 * Makes large bodies open without holding up everybody else. A request is judged with its body closed first, which most
 * forged ones do not survive; only where the judge asks for the inside is it decoded in the thread pool and read a piece
 * at a time, a few bodies at once, and the request judged again.
 */
export function createOpener({ atOnce, mostWaiting = Infinity }: Options): Open {
  const line = createLine(atOnce);
  return async (received, judge, { whenFull } = {}) => {
    if (isSmall(received)) return judge(received);
    const known = new Map<string, unknown>();
    for (;;) {
      const { closed, wanted } = closedOf(received, known);
      // What is made of a body that was closed is thrown away.
      const verdict = await judge(closed);
      if (wanted.length === 0) return verdict;
      if (whenFull !== undefined && line.waiting() >= mostWaiting) return whenFull();
      await line.run(async () => {
        for (const open of wanted) await open();
      });
    }
  };
}

// A small compressed body may be large inside: whether it is shows when it is asked for.
function isSmall({ body, decodedBody, largeBody }: Received): boolean {
  return (
    body.length <= LARGEST_AT_ONCE_BYTES && decodedBody === undefined && largeBody === undefined
  );
}

// Decoded once, whatever became of it, so that no request is judged for ever.
const DECODED = 'decoded';

type Closed = { closed: Received; wanted: (() => Promise<void>)[] };

function closedOf(received: Received, known: Map<string, unknown>): Closed {
  const wanted: (() => Promise<void>)[] = [];
  const named = new Set<string>();
  const aside = <T>(name: string, work: () => Generator<undefined, T>): T | 'LATER' => {
    if (known.has(name)) return known.get(name) as T;
    if (!named.has(name)) wanted.push(async () => void known.set(name, await inPieces(work())));
    named.add(name);
    return LATER;
  };
  const { largeBody } = received;
  if (largeBody === undefined || largeBody.isDecoded() || known.has(DECODED))
    return { closed: { ...received, aside }, wanted };
  // The inside is null, as if it could not be decoded.
  const decodedBody = () => {
    wanted.push(async () => void known.set(DECODED, await largeBody.decode()));
    return null;
  };
  const closed = { ...received, aside, decodedBody, decodingProblem: () => undefined };
  return { closed, wanted };
}

async function inPieces<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await others();
  }
}

/** Work that is done so many at once, in the order in which it came. */
export function createLine(atOnce: number) {
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
