import { createPoolOfBytes, type PoolOfBytes } from './pool-of-bytes.ts';
import { watchReaders, type Readers } from './slow-readers.ts';

/** What bodies may take of this process's memory, from their first byte until their senders are answered. */
export type BodyBudget = {
  /** For bodies up to `SMALL_BYTES`, which large ones never keep out. */
  small: PoolOfBytes;
  /** For all others. */
  large: PoolOfBytes;
  /** For what compressed bodies may become. */
  decoded: PoolOfBytes;
  readers: Readers;
  /** Bytes taken now, of all three. */
  usedBytes(): number;
  close(): void;
};

export const SMALL_BYTES = 65_536;

const MIB = 1_024 * 1_024;
const WAIT_MS = 10_000;
const MOST_WAITING = 1_000;

type Options = {
  /** All of it. */
  bytes: number;
  /** What one address may have of what is for large bodies. */
  perAddressBytes: number;
  /** What a sender must send in a second. */
  leastBytesPerSecond: number;
};

/**
 * A quarter for small bodies, half for large ones, a quarter for what is decoded: whoever fills one keeps nobody out of
 * the others. Where a pool is short, whoever holds bytes of it and sends nothing has to leave.
 */
export function createBodyBudget({
  bytes,
  perAddressBytes,
  leastBytesPerSecond,
}: Options): BodyBudget {
  const pool = (share: number, perSender: number) =>
    createPoolOfBytes({
      bytes: bytes * share,
      perSender,
      mostWaiting: MOST_WAITING,
      waitMs: WAIT_MS,
    });
  const small = pool(1 / 4, bytes / 8);
  const large = pool(1 / 2, perAddressBytes);
  const decoded = pool(1 / 4, bytes / 4);
  const readers = watchReaders({ leastBytesPerSecond });
  return {
    small,
    large,
    decoded,
    readers,
    usedBytes: () => small.used() + large.used() + decoded.used(),
    close: () => readers.close(),
  };
}

/** What `INGEST_MEMORY_MB` and the like mean where nobody sets them. */
export const DEFAULT_BUDGET: Options = {
  bytes: 256 * MIB,
  perAddressBytes: 64 * MIB,
  leastBytesPerSecond: 512,
};
