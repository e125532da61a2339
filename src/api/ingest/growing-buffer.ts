const FIRST_BYTES = 4_096;

export type GrowingBuffer = { add(chunk: Buffer): void; whole(): Buffer; drop(): void };

/**
 * Puts chunks together as they come: a list of them would hold a hundred times as much where each is a single byte.
 * `expected` is how many bytes come in all, where that is known.
 */
export function createGrowingBuffer(expected: number | null): GrowingBuffer {
  let space: Buffer | null = null;
  let used = 0;

  function make(atLeast: number): Buffer {
    if (expected !== null && expected >= atLeast) return Buffer.allocUnsafe(expected);
    let size = Math.max(space?.length ?? 0, FIRST_BYTES);
    while (size < atLeast) size *= 2;
    return Buffer.allocUnsafe(size);
  }

  return {
    add(chunk) {
      const needed = used + chunk.length;
      // Most bodies come in one piece.
      if (space === null && chunk.length === expected) space = chunk;
      else if (space === null || needed > space.length) {
        const larger = make(needed);
        space?.copy(larger, 0, 0, used);
        chunk.copy(larger, used);
        space = larger;
      } else chunk.copy(space, used);
      used = needed;
    },
    whole: () => (space ?? Buffer.alloc(0)).subarray(0, used),
    drop: () => void (space = null),
  };
}
