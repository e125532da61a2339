import { promisify } from 'node:util';
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateRaw,
  inflateRawSync,
  inflateSync,
} from 'node:zlib';
import { headerValues, type LargeBody, type Received } from './received.ts';

/** The largest a body may become. */
export const MOST_DECODED_BYTES = 20 * 1024 * 1024;
// A text compresses to a tenth, a log to a fiftieth; what grows a hundredfold was made to.
const LARGEST_RATIO = 100;
// Small enough to be harmless at any ratio.
const ALWAYS_ALLOWED_BYTES = 65_536;

export type Decoded = { body: Buffer } | { problem: 'UNSUPPORTED' | 'MALFORMED' | 'TOO_LARGE' };

/** Compressed bodies up to this are decoded on the spot, in a millisecond or two at worst: a thread costs as much. */
const LARGEST_AT_ONCE_BYTES = 16_384;
// The default, 16 kB, makes a trip to the thread pool and back for each.
const CHUNK_BYTES = 131_072;

type Limits = { maxOutputLength: number; chunkSize?: number };
type Decoder = {
  now: (body: Buffer, limits: Limits) => Buffer;
  /** The same in the thread pool. */
  later: (body: Buffer, limits: Limits) => Promise<Buffer>;
};

const GZIP: Decoder = { now: gunzipSync, later: promisify(gunzip) };
const ZLIB: Decoder = { now: inflateSync, later: promisify(inflate) };
const RAW: Decoder = { now: inflateRawSync, later: promisify(inflateRaw) };
const BROTLI: Decoder = { now: brotliDecompressSync, later: promisify(brotliDecompress) };

const DECODERS: Readonly<Record<string, (body: Buffer) => Decoder>> = {
  gzip: () => GZIP,
  'x-gzip': () => GZIP,
  deflate: (body) => (hasWrapper(body) ? ZLIB : RAW),
  br: () => BROTLI,
};

type Coding = { contentEncoding: string | undefined; mostBytes?: number };

/** Undoes one layer of content encoding, within an output and a ratio cap. */
export function decodeBody(body: Buffer, coding: Coding): Decoded {
  const decoder = decoderFor(body, coding);
  if (!('now' in decoder)) return decoder;
  try {
    return { body: decoder.now(body, limitsOf(body, coding)) };
  } catch (error) {
    return problemOf(error);
  }
}

/** The same, with nobody held up meanwhile: for bodies that are large. */
export async function decodeBodyLater(body: Buffer, coding: Coding): Promise<Decoded> {
  const decoder = decoderFor(body, coding);
  if (!('now' in decoder)) return decoder;
  try {
    const limits = { ...limitsOf(body, coding), chunkSize: CHUNK_BYTES };
    return { body: await decoder.later(body, limits) };
  } catch (error) {
    return problemOf(error);
  }
}

function decoderFor(body: Buffer, { contentEncoding }: Coding): Decoder | Decoded {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity' || body.length === 0) return { body };
  const choose = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  return choose === undefined ? { problem: 'UNSUPPORTED' } : choose(body);
}

function limitsOf(body: Buffer, { mostBytes = MOST_DECODED_BYTES }: Coding): Limits {
  const byRatio = Math.max(body.length * LARGEST_RATIO, ALWAYS_ALLOWED_BYTES);
  return { maxOutputLength: Math.min(byRatio, mostBytes) };
}

/** How large a body of so many bytes may become by decoding it, beside what it is; none where its coding is not known. */
export function mostDecodedBytes(bytes: number, contentEncoding: string): number {
  const probe = Buffer.alloc(1);
  if (bytes === 0 || !('now' in decoderFor(probe, { contentEncoding }))) return 0;
  return Math.min(Math.max(bytes * LARGEST_RATIO, ALWAYS_ALLOWED_BYTES), MOST_DECODED_BYTES);
}

function problemOf(error: unknown): Decoded {
  const isLarge = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
  return { problem: isLarge ? 'TOO_LARGE' : 'MALFORMED' };
}

// Half of the senders that say deflate leave out the wrapper the standard asks for.
function hasWrapper(body: Buffer): boolean {
  return ((body[0] ?? 0) & 0x0f) === 8 && ((body[0] ?? 0) * 256 + (body[1] ?? 0)) % 31 === 0;
}

/** What a request says about its coding; undefined where it says nothing. Two headers are a list, as RFC 9110 has it. */
export function contentEncodingOf(received: Received): string | undefined {
  const values = headerValues(received, { name: 'content-encoding' });
  return values.length === 0 ? undefined : values.join(', ');
}

/** Adds the decoded body to a request: made when first asked for, and only once. */
export function withDecodedBody(received: Received): Received {
  const { body } = received;
  const contentEncoding = contentEncodingOf(received);
  if (contentEncoding === undefined) return received;
  let decoded: Decoded | undefined;
  const decode = () => (decoded ??= decodeBody(body, { contentEncoding }));
  const largeBody: LargeBody = {
    isDecoded: () => decoded !== undefined,
    decode: async () => void (decoded ??= await decodeBodyLater(body, { contentEncoding })),
  };
  return {
    ...received,
    decodedBody: () => {
      const got = decode();
      return 'body' in got ? got.body : null;
    },
    decodingProblem: () => {
      const got = decode();
      return 'body' in got ? undefined : problemText(got.problem, contentEncoding);
    },
    ...(body.length > LARGEST_AT_ONCE_BYTES && { largeBody }),
  };
}

const LONGEST_QUOTE = 64;

function problemText(
  problem: 'UNSUPPORTED' | 'MALFORMED' | 'TOO_LARGE',
  contentEncoding: string,
): string {
  const coding = contentEncoding.slice(0, LONGEST_QUOTE);
  switch (problem) {
    case 'UNSUPPORTED':
      return `Content-Encoding ${coding} is not known; one of gzip, deflate and br is`;
    case 'MALFORMED':
      return `the body is not ${coding}, as Content-Encoding says, or it is cut off`;
    case 'TOO_LARGE':
      return `the ${coding} body grows beyond 20 MiB or a hundredfold`;
  }
}
