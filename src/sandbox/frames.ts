// Frames on the pipe between pool and child: a length, a count, then strings each with its length.
// Only strings cross, so neither side ever revives an object the other one made.

const HEADER_BYTES = 8;

/** One frame as bytes: u32 length of what follows the first word, u32 count, then u32 + UTF-8 per string. */
export function encodeFrame(strings: readonly string[]): Buffer {
  const lengths = strings.map((text) => Buffer.byteLength(text));
  const total = lengths.reduce((sum, length) => sum + 4 + length, HEADER_BYTES);
  const frame = Buffer.allocUnsafe(total);
  frame.writeUInt32LE(total - 4, 0);
  frame.writeUInt32LE(strings.length, 4);
  let at = HEADER_BYTES;
  for (const [index, text] of strings.entries()) {
    const length = lengths[index] ?? 0;
    frame.writeUInt32LE(length, at);
    frame.write(text, at + 4, length, 'utf8');
    at += 4 + length;
  }
  return frame;
}

/** The strings of one frame body (everything after the first word); throws when the lengths do not add up. */
export function decodeFrame(body: Buffer): string[] {
  const count = body.readUInt32LE(0);
  const strings: string[] = [];
  let at = 4;
  for (let index = 0; index < count; index++) {
    const length = body.readUInt32LE(at);
    at += 4;
    if (at + length > body.length) throw new RangeError('A frame is shorter than it says.');
    strings.push(body.toString('utf8', at, at + length));
    at += length;
  }
  return strings;
}

/** Collects chunks and hands out each whole frame; throws when one is announced as longer than `maxBytes`. */
export function createFrameReader(maxBytes: number): (chunk: Buffer) => string[][] {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  return (chunk) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    const frames: string[][] = [];
    for (;;) {
      if (pendingBytes < 4) return frames;
      const joined = pending.length === 1 ? (pending[0] ?? chunk) : Buffer.concat(pending);
      const length = joined.readUInt32LE(0);
      if (length > maxBytes) throw new RangeError('A frame is longer than allowed.');
      pending = [joined];
      if (pendingBytes < 4 + length) return frames;
      frames.push(decodeFrame(joined.subarray(4, 4 + length)));
      pending = [joined.subarray(4 + length)];
      pendingBytes -= 4 + length;
    }
  };
}
