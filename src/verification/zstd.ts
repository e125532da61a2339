import { promisify } from 'node:util';
import { constants, zstdDecompress, zstdDecompressSync, type ZstdOptions } from 'node:zlib';

type Limits = { maxOutputLength: number; chunkSize?: number };
/** What the platform gives where it is asked for `info`: how many bytes it has read, too. */
type Frame = { buffer: Buffer; engine: { bytesWritten: number } };

// What a content coding may ask for at most (RFC 9659); more would be memory for whoever asks.
const LARGEST_WINDOW = { [constants.ZSTD_d_windowLogMax]: 23 };
const MOST_FRAMES = 16;

/** Decodes all frames of a Zstandard body: the platform stops after the first, and would leave the rest unread. */
export function zstdNow(body: Buffer, limits: Limits): Buffer {
  const frames = createFrames(body, limits);
  while (frames.isOpen()) {
    const frame: unknown = zstdDecompressSync(frames.rest(), frames.options());
    frames.add(frame as Frame);
  }
  return frames.joined();
}

const decompressLater = promisify(
  zstdDecompress as (
    body: Buffer,
    options: ZstdOptions,
    done: (error: Error | null, frame: unknown) => void,
  ) => void,
);

/** The same in the thread pool. */
export async function zstdLater(body: Buffer, limits: Limits): Promise<Buffer> {
  const frames = createFrames(body, limits);
  while (frames.isOpen()) {
    frames.add((await decompressLater(frames.rest(), frames.options())) as Frame);
  }
  return frames.joined();
}

function createFrames(body: Buffer, { maxOutputLength, ...limits }: Limits) {
  const decoded: Buffer[] = [];
  let left = maxOutputLength;
  let rest = body;
  return {
    isOpen: () => rest.length > 0,
    rest: () => rest,
    options: (): ZstdOptions => ({
      ...limits,
      params: LARGEST_WINDOW,
      info: true,
      maxOutputLength: Math.max(1, left),
    }),
    add({ buffer, engine }: Frame) {
      decoded.push(buffer);
      if (engine.bytesWritten === 0 || decoded.length > MOST_FRAMES)
        throw new Error('not Zstandard, or in too many frames');
      left -= buffer.length;
      rest = rest.subarray(engine.bytesWritten);
    },
    joined: () => (decoded.length === 1 ? (decoded[0] ?? body) : Buffer.concat(decoded)),
  };
}
