import { createServer } from 'node:net';

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
