import { connect, createServer } from 'node:net';

const loopback = '127.0.0.1';

/** The usual port when nobody listens on it, otherwise one the system gives. Free now is no promise: callers try again. */
export async function freePort(usual: number): Promise<number> {
  return (await tryPort(usual)) ?? (await tryPort(0)) ?? usual;
}

function tryPort(port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const server = createServer();
  server.once('error', () => resolve(undefined));
  server.listen({ port, host: loopback }, () => {
    const address = server.address();
    const found = typeof address === 'object' && address ? address.port : undefined;
    server.close(() => resolve(found));
  });
  return promise;
}

/** Whether anything listens on the port of this machine. */
export function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: loopback, timeout: 1_000 });
  const answer = (listening: boolean) => {
    socket.destroy();
    resolve(listening);
  };
  socket.once('connect', () => answer(true));
  socket.once('timeout', () => answer(false));
  socket.once('error', () => answer(false));
  return promise;
}
