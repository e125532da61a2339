import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Lets requests in, also such as come before those ahead of them on their connection are answered. */
export type Pipeline = {
  /** False where too many wait like that on all connections together. */
  enter(req: IncomingMessage, res: ServerResponse): boolean;
};

type Line = { length: number; isHeld: boolean };

const HOLD_AT = 64;
const GO_ON_AT = 16;
const MOST_BEHIND = 10_000;

/**
 * Reads no more from a connection that has many requests under way: nothing else bounds them, and a few connections
 * that send without waiting for answers would take all memory. What was read with them, in one piece, is counted.
 */
export function createPipeline({ mostBehind = MOST_BEHIND } = {}): Pipeline {
  const lines = new WeakMap<Socket, Line>();
  // Requests with another one ahead of them.
  let behind = 0;

  function lineOf(socket: Socket): Line {
    const known = lines.get(socket);
    if (known) return known;
    const line = { length: 0, isHeld: false };
    lines.set(socket, line);
    // Answers that were never begun are never closed.
    socket.once('close', () => {
      behind -= Math.max(0, line.length - 1);
      line.length = 0;
    });
    return line;
  }

  return {
    enter({ socket }, res) {
      const line = lineOf(socket);
      if (line.length > 0 && behind >= mostBehind) return false;
      if (line.length > 0) behind++;
      line.length++;
      if (line.length >= HOLD_AT) {
        line.isHeld = true;
        hold(socket);
      }
      res.once('close', () => {
        if (line.length > 1) behind--;
        line.length = Math.max(0, line.length - 1);
        if (!line.isHeld || line.length > GO_ON_AT) return;
        line.isHeld = false;
        goOn(socket);
      });
      return true;
    },
  };
}

type Held = Socket & { _paused?: boolean; parser?: { resume(): void } | null };

/** As Node itself does it where nobody reads the answers: without its mark, each body would set the connection going again. */
function hold(socket: Held): void {
  socket._paused = true;
  socket.pause();
}

function goOn(socket: Held): void {
  socket._paused = false;
  socket.parser?.resume();
  socket.resume();
}
