import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nowUs } from '../clock.ts';
import { readMark, type Recorder } from './recorder.ts';

/** How a destination treats what comes: `down` refuses connections, `hang` never answers, `fail` answers 503 for a share. */
export type Behaviour =
  | { kind: 'ok' }
  | { kind: 'down' }
  | { kind: 'hang' }
  | { kind: 'slow'; ms: number }
  | { kind: 'fail'; share: number };

export type Destination = {
  port: number;
  behave(behaviour: Behaviour): Promise<void>;
  /** The most requests that were open at once. */
  mostOpen(): number;
};

/** Opens a destination on a port of its own, as destinations in the world have hosts of their own. */
export async function openDestination(recorder: Recorder, id: number): Promise<Destination> {
  let behaviour: Behaviour = { kind: 'ok' };
  let open = 0;
  let mostOpen = 0;
  const server = createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
    mostOpen = Math.max(mostOpen, ++open);
    res.once('close', () => open--);
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => take(req, res, Buffer.concat(chunks)));
  });

  function take(_req: IncomingMessage, res: ServerResponse, body: Buffer): void {
    const arrivedAtUs = nowUs();
    if (behaviour.kind === 'hang') return;
    if (behaviour.kind === 'fail' && Math.random() < behaviour.share) {
      res.writeHead(503).end();
      return;
    }
    const mark = readMark(body);
    if (mark) recorder.record(mark, { destination: id, arrivedAtUs });
    if (behaviour.kind === 'slow') setTimeout(() => res.end('{"ok":true}'), behaviour.ms);
    else res.end('{"ok":true}');
  }

  const port = await listen(server, 0);
  return {
    port,
    async behave(next) {
      const wasDown = behaviour.kind === 'down';
      behaviour = next;
      if (next.kind === 'down' && !wasDown) {
        server.close();
        server.closeAllConnections();
      }
      if (next.kind !== 'down' && wasDown) await listen(server, port);
    },
    mostOpen: () => mostOpen,
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
