import type { PoolOfBytes } from './pool-of-bytes.ts';

/** A body that is being read. */
export type Reader = {
  /** Bytes that have come. */
  bytes: number;
  sender: string;
  /** The pool it holds bytes of. */
  pool: PoolOfBytes;
  /** Whether we are the ones who do not read. */
  isHeld: boolean;
  /** Ends it: it was too slow for anybody, or for a time when others wait. */
  end: (reason: 'slow' | 'busy') => void;
};

export type Readers = { add(reader: Reader): () => void; close(): void };

const TICK_MS = 500;
// A sender may think for a moment, or lose a packet or two.
const WINDOW_MS = 10_000;
const SHORT_WINDOW_MS = 1_000;
// Slower than any line of today when it is asked to hurry.
const LEAST_WHEN_SHORT = 16_384;

type Watched = { sinceMs: number; from: number; shortSinceMs: number; shortFrom: number };

/**
 * Ends bodies that come too slowly: slower than the floor for ten seconds, or, where others wait for the bytes they
 * hold, nearly not at all for one. Nothing else would ever end a sender that stops in the middle and stays.
 */
export function watchReaders({ leastBytesPerSecond }: { leastBytesPerSecond: number }): Readers {
  const readers = new Map<Reader, Watched>();
  let lastMs = performance.now();

  function tick(): void {
    const nowMs = performance.now();
    // While this process was busy nobody could send: that time is nobody's.
    const awayMs = Math.max(0, nowMs - lastMs - 2 * TICK_MS);
    lastMs = nowMs;
    for (const [reader, watched] of readers) {
      watched.sinceMs += awayMs;
      watched.shortSinceMs += awayMs;
      if (reader.isHeld) readers.set(reader, fresh(reader, nowMs));
      else judge(reader, watched, nowMs);
    }
  }

  function judge(reader: Reader, watched: Watched, nowMs: number): void {
    const { bytes } = reader;
    if (nowMs - watched.sinceMs >= WINDOW_MS) {
      const least = (leastBytesPerSecond * (nowMs - watched.sinceMs)) / 1_000;
      if (bytes - watched.from < least) return reader.end('slow');
      Object.assign(watched, { sinceMs: nowMs, from: bytes });
    }
    if (nowMs - watched.shortSinceMs >= SHORT_WINDOW_MS) {
      if (bytes - watched.shortFrom < LEAST_WHEN_SHORT && reader.pool.isShort(reader.sender)) {
        return reader.end('busy');
      }
      Object.assign(watched, { shortSinceMs: nowMs, shortFrom: bytes });
    }
  }

  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return {
    add(reader) {
      readers.set(reader, fresh(reader, performance.now()));
      return () => readers.delete(reader);
    },
    close: () => clearInterval(timer),
  };
}

function fresh({ bytes }: Reader, nowMs: number): Watched {
  return { sinceMs: nowMs, from: bytes, shortSinceMs: nowMs, shortFrom: bytes };
}
