import { freePort } from '../../src/embedded/ports.ts';

// Below what any system hands out to connections that leave: a port from there may be taken while its server is down.
const [FIRST, LAST] = [11_000, 29_000];

/** A free port for a server that has to find it free again after it was stopped or killed. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if ((await freePort(port)) === port) return port;
  }
}
