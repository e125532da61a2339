// The pipe on descriptor 3, read and written without the event loop: a child does one thing at a time.
import { readSync, writeSync } from 'node:fs';
import { decodeFrame, encodeFrame } from '../frames.ts';

const PIPE = 3;

function readExactly(bytes: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  while (at < bytes) {
    const read = readSync(PIPE, buffer, at, bytes - at, null);
    if (read === 0) return undefined;
    at += read;
  }
  return buffer;
}

/** Waits for a frame; `undefined` when the pool is gone. */
export function receive(): string[] | undefined {
  const length = readExactly(4);
  const body = length === undefined ? undefined : readExactly(length.readUInt32LE(0));
  return body === undefined ? undefined : decodeFrame(body);
}

export function send(strings: readonly string[]): void {
  const frame = encodeFrame(strings);
  let at = 0;
  while (at < frame.length) at += writeSync(PIPE, frame, at, frame.length - at);
}
