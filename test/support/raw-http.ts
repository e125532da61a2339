import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Json } from './admin.ts';

export type RawHeader = readonly [name: string, value: string];
export type RawAnswer = { status: number; headers: IncomingMessage['headers']; body: Json };

type RawRequest = {
  method?: string;
  /** In the order and case they are to have on the wire. */
  headers?: readonly RawHeader[];
  /** Sent in these pieces; without a content-length among the headers they are chunked. */
  body?: Iterable<Buffer>;
};

/** Sends a request whose header lines and bytes stand on the wire exactly as given; says how much it had sent when the answer came. */
export function rawRequest(
  url: string,
  { method = 'POST', headers = [], body = [] }: RawRequest,
): Promise<RawAnswer & { sentBytes: number }> {
  const { hostname, port, host } = new URL(url);
  // The target is taken from the text: URL would tidy it up.
  const path = url.slice(url.indexOf(host) + host.length);
  return new Promise((resolve, reject) => {
    let sentBytes = 0;
    let answered = false;
    const flat = [['Host', host], ...headers].flat();
    const outgoing = request({ hostname, port, path, method, headers: flat, agent: false });
    outgoing.once('response', (response) => {
      answered = true;
      read(response).then((answer) => resolve({ ...answer, sentBytes }), reject);
    });
    outgoing.once('error', (error) => {
      if (!answered) reject(error);
    });
    const pieces = body[Symbol.iterator]();
    const next = () => {
      const piece = pieces.next();
      if (answered || outgoing.destroyed) return;
      if (piece.done) return outgoing.end();
      sentBytes += piece.value.length;
      outgoing.write(piece.value, next);
    };
    next();
  });
}

async function read(response: IncomingMessage): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = response.headers['content-type']?.includes('json') ?? false;
  const body = isJson ? JSON.parse(text) : {};
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Says something on a new connection, and returns all that is said until the other side closes it. */
export function exchange(
  port: number,
  said: string | Buffer,
  { halfClose = false, withinMs = 10_000 }: { halfClose?: boolean; withinMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`The connection stayed open after: ${heard}`));
    }, withinMs);
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(heard);
    });
    if (halfClose) socket.end(said, 'latin1');
    else socket.write(said, 'latin1');
  });
}

/** The answers in what was heard on a connection, in their order. */
export function answersIn(heard: string): { status: number; body: string }[] {
  const answers: { status: number; body: string }[] = [];
  let rest = heard;
  while (rest !== '') {
    const head = rest.slice(0, rest.indexOf('\r\n\r\n') + 4);
    const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    answers.push({ status, body: rest.slice(head.length, head.length + length) });
    rest = rest.slice(head.length + length);
  }
  return answers;
}
