import { connect } from 'node:net';
import { leavesTlsOpen, readDatabaseUrl, USUAL_PORT, withSslMode } from './address.ts';

// PostgreSQL's SSLRequest: its length, and the number that stands for it. The answer is one letter.
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = 'S'.charCodeAt(0);
const WITHIN_MS = 5_000;

/**
 * Settles what `sslmode=prefer` and `allow` leave to the server, which the driver cannot: asks it once whether it
 * encrypts, and returns the URL that says so. A server that does not answer leaves the URL as it is.
 */
export async function settleTls(url: string): Promise<string> {
  const { host = 'localhost', port = USUAL_PORT } = readDatabaseUrl(url);
  if (!leavesTlsOpen(url) || host.startsWith('/')) return url;
  const answer = await ask({ host, port });
  if (answer === null) return url;
  return withSslMode(url, answer === YES ? 'no-verify' : 'disable');
}

function ask(address: { host: string; port: number }): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = connect(address, () => void socket.write(SSL_REQUEST));
    const end = (answer: number | null) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(WITHIN_MS, () => end(null));
    socket.once('data', (bytes: Buffer) => end(bytes[0] ?? null));
    socket.once('error', () => end(null));
    socket.once('close', () => end(null));
  });
}
