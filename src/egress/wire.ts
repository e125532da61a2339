import type { Socket } from 'node:net';

/** One connection, as the exchanges on it see it: one after the other. */
export type Wire = {
  /** The next request is about to be written; whether the connection was kept until now, and not opened for it. */
  begin(): boolean;
  /** Whether a byte has come since then. */
  hasAnswered(): boolean;
};

const END_OF_HEAD = '\r\n\r\n';
// An interim answer that is longer is left to undici, which has its own limit.
const LONGEST_HEAD = 65_536;
// One that waited for so long was opened for a request that was given up meanwhile.
const KEPT_MS = 500;
const INTERIM = /^HTTP\/1\.[01] 1(?!01)\d\d[ \r]/;

/**
 * Watches what comes in on a connection, and takes interim answers (1xx) out of it that stand before the answer itself:
 * undici breaks the connection off where it is sent a 100 that it did not ask for. A 101 is left to it: nobody may
 * change the protocol.
 */
export function watchWire(socket: Socket): Wire {
  const read = socket.read.bind(socket);
  const openedAt = performance.now();
  let requests = 0;
  let answered = false;
  // Before the first byte that is not of an interim answer; what came so far and may yet be one.
  let isBefore = true;
  let early: Buffer = NOTHING;

  function withoutInterim(chunk: Buffer): Buffer {
    early = early.length > 0 ? Buffer.concat([early, chunk]) : chunk;
    early = early.subarray(interimBytes(early));
    if (mayBeInterim(early)) return NOTHING;
    isBefore = false;
    const rest = early;
    early = NOTHING;
    return rest;
  }

  socket.read = (size?: number) => {
    for (;;) {
      const chunk = read(size) as Buffer | null;
      if (chunk === null || chunk.length === 0) return chunk;
      answered = true;
      const rest = isBefore ? withoutInterim(chunk) : chunk;
      if (rest.length > 0) return rest;
    }
  };

  return {
    begin() {
      answered = false;
      isBefore = true;
      early = NOTHING;
      return requests++ > 0 || performance.now() - openedAt > KEPT_MS;
    },
    hasAnswered: () => answered,
  };
}

const NOTHING: Buffer = Buffer.alloc(0);

/** How many bytes of whole interim answers this begins with. */
function interimBytes(bytes: Buffer): number {
  for (let at = 0; ;) {
    if (!INTERIM.test(bytes.toString('latin1', at, at + 13))) return at;
    const end = bytes.indexOf(END_OF_HEAD, at);
    if (end === -1) return at;
    at = end + END_OF_HEAD.length;
  }
}

/** Whether this may become an interim answer when more comes. */
function mayBeInterim(bytes: Buffer): boolean {
  if (bytes.length === 0) return true;
  if (bytes.length > LONGEST_HEAD) return false;
  const begun = bytes.toString('latin1', 0, 13);
  return INTERIM.test(begun + 'HTTP/1.1 100 '.slice(begun.length)) && !/ 101/.test(begun);
}
