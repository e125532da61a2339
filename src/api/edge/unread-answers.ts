import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections with requests under way, and the answers that each still has to take. */
export type Lines = ReadonlyMap<Socket, { responses: ReadonlySet<ServerResponse> }>;
type Line = [Socket, { responses: ReadonlySet<ServerResponse> }];

type Options = {
  /** How long a client may read nothing of an answer. */
  stallMs?: number;
  /** How long it may do so while all unread answers together take more than `mostBytes`. */
  shortStallMs?: number;
  mostBytes?: number;
  lookEveryMs?: number;
};

/** How much a client had taken when it last went on, and which answer was the next. */
type Reading = { next: ServerResponse | undefined; bytes: number; sinceMs: number };
type Stalled = { socket: Socket; unreadBytes: number };

// A client that takes less than this in the time it is given reads nothing.
const LEAST_BYTES = 16_384;

/**
 * Closes connections whose clients do not read their answers, because these stay in memory until they are read. `look`
 * is to be called every `lookEveryMs`.
 */
export function createUnreadAnswers({
  stallMs = 60_000,
  shortStallMs = 5_000,
  mostBytes = 64 * 1024 * 1024,
  lookEveryMs = 1_000,
}: Options = {}) {
  const readings = new WeakMap<Socket, Reading>();
  let lookedAtMs = performance.now();

  /** How long this client has read nothing; while this process stood still, it could not. */
  function stalledMs(
    [socket, { responses }]: Line,
    { nowMs, awayMs }: { nowMs: number; awayMs: number },
  ): number {
    const bytes = takenBytes(socket);
    const [next] = responses;
    const reading = readings.get(socket);
    if (reading?.next !== next || reading === undefined || bytes - reading.bytes >= LEAST_BYTES) {
      readings.set(socket, { next, bytes, sinceMs: nowMs });
      return 0;
    }
    reading.sinceMs += awayMs;
    return nowMs - reading.sinceMs;
  }

  return {
    lookEveryMs,
    look(lines: Lines): void {
      const nowMs = performance.now();
      const awayMs = Math.max(0, nowMs - lookedAtMs - 2 * lookEveryMs);
      lookedAtMs = nowMs;
      let totalBytes = 0;
      const stalled: Stalled[] = [];
      for (const line of lines) {
        const [socket, { responses }] = line;
        const unreadBytes = sum(responses);
        if (unreadBytes === 0) continue;
        const ms = stalledMs(line, { nowMs, awayMs });
        if (ms >= stallMs) {
          socket.destroy();
          continue;
        }
        totalBytes += unreadBytes;
        if (ms >= shortStallMs) stalled.push({ socket, unreadBytes });
      }
      closeLargest(stalled, totalBytes - mostBytes);
    },
  };
}

/** Closes connections until so many bytes are free, or none is left. */
function closeLargest(stalled: Stalled[], bytes: number): void {
  let left = bytes;
  for (const { socket, unreadBytes } of stalled.toSorted((a, b) => b.unreadBytes - a.unreadBytes)) {
    if (left <= 0) return;
    socket.destroy();
    left -= unreadBytes;
  }
}

function sum(responses: ReadonlySet<ServerResponse>): number {
  let bytes = 0;
  for (const response of responses) bytes += response.writableLength;
  return bytes;
}

type WithHandle = Socket & { _handle?: { bytesWritten: number; writeQueueSize: number } | null };

/** How much the system has taken. `bytesWritten` of the socket itself counts what still waits, too. */
function takenBytes({ _handle: handle }: WithHandle): number {
  return handle ? handle.bytesWritten - handle.writeQueueSize : 0;
}
