import type { Received } from '../received.ts';

/** Work over a body that pauses now and then, so that others can go on in between. */
export type Work<T> = Generator<undefined, T>;

/** Larger bodies are read aside where that is possible: reading this much takes a few milliseconds. */
export const LARGEST_AT_ONCE_BYTES = 262_144;

/** Said instead of a result that is not there yet: the request will be judged again once it is. */
export const LATER = 'LATER';

/** Reads a body: at once where it is small, else aside where the caller can wait (see `createOpener`). */
export function readAside<T>(
  received: Received,
  { name, bytes, work }: { name: string; bytes: number; work: () => Work<T> },
): T | typeof LATER {
  if (bytes <= LARGEST_AT_ONCE_BYTES || received.aside === undefined) return atOnce(work());
  return received.aside(name, work);
}

function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
