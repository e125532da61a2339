/** Bytes that may be held at once; whoever gets some gives them back by what is returned. */
export type Budget = { take(bytes: number): Promise<() => void>; taken(): number };

/**
 * A budget of `most` bytes, in the order in which they are asked for. What is `small` is never kept waiting, and neither
 * is what is larger than all of it where nothing large is held.
 */
export function createBudget({ most, small }: { most: number; small: number }): Budget {
  const waiting: { bytes: number; go: () => void }[] = [];
  let taken = 0;
  let large = 0;

  function hold(bytes: number): () => void {
    taken += bytes;
    if (bytes > small) large += bytes;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      taken -= bytes;
      if (bytes > small) large -= bytes;
      serve();
    };
  }
  const fits = (bytes: number) => bytes <= small || large === 0 || taken + bytes <= most;
  function serve(): void {
    while (waiting[0] && fits(waiting[0].bytes)) waiting.shift()!.go();
  }
  return {
    taken: () => taken,
    take(bytes) {
      if (bytes <= small || (waiting.length === 0 && fits(bytes))) {
        return Promise.resolve(hold(bytes));
      }
      return new Promise((resolve) => {
        waiting.push({ bytes, go: () => resolve(hold(bytes)) });
      });
    },
  };
}
