import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createUnreadAnswers } from './unread-answers.ts';

/** Lets requests in, also such as come before those ahead of them on their connection are answered. */
export type Pipeline = {
  /** False where too many wait like that on all connections together. */
  enter(req: IncomingMessage, res: ServerResponse): boolean;
};

type Line = { responses: Set<ServerResponse>; isHeld: boolean };

const HOLD_AT = 64;
const GO_ON_AT = 16;
const MOST_BEHIND = 10_000;

/**
 * Reads no more from a connection that has many requests under way: nothing else bounds them, and a few connections
 * that send without waiting for answers would take all memory. What was read with them, in one piece, is counted.
 */
export function createPipeline({
  mostBehind = MOST_BEHIND,
  unread = createUnreadAnswers(),
} = {}): Pipeline {
  const lines = new Map<Socket, Line>();
  // Requests with another one ahead of them.
  let behind = 0;
  let looking: NodeJS.Timeout | undefined;

  function look(): void {
    unread.look(lines);
    if (lines.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  }

  function lineOf(socket: Socket): Line {
    const known = lines.get(socket);
    if (known) return known;
    const line = { responses: new Set<ServerResponse>(), isHeld: false };
    lines.set(socket, line);
    looking ??= setInterval(look, unread.lookEveryMs).unref();
    // Answers that were never begun are never closed.
    socket.once('close', () => {
      lines.delete(socket);
      behind -= Math.max(0, line.responses.size - 1);
      line.responses.clear();
    });
    return line;
  }

  return {
    enter({ socket }, res) {
      const line = lineOf(socket);
      const { responses } = line;
      if (responses.size > 0 && behind >= mostBehind) return false;
      if (responses.size > 0) behind++;
      responses.add(res);
      if (responses.size >= HOLD_AT) {
        line.isHeld = true;
        hold(socket);
      }
      res.once('close', () => {
        if (responses.size > 1) behind--;
        responses.delete(res);
        if (!line.isHeld || responses.size > GO_ON_AT) return;
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
