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
import { zstdLater, zstdNow } from './zstd.ts';

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
const ZSTD: Decoder = { now: zstdNow, later: zstdLater };

const DECODERS: Readonly<Record<string, (body: Buffer) => Decoder>> = {
  gzip: () => GZIP,
  'x-gzip': () => GZIP,
  deflate: (body) => (hasWrapper(body) ? ZLIB : RAW),
  br: () => BROTLI,
  zstd: () => ZSTD,
};
/** Nobody has a reason for more, and each layer may grow the body again. */
const MOST_LAYERS = 3;

type Coding = { contentEncoding: string | undefined; mostBytes?: number };

/** Undoes the content codings of a body, within an output and a ratio cap. */
export function decodeBody(body: Buffer, coding: Coding): Decoded {
  const decoders = decodersFor(body, coding);
  if (!Array.isArray(decoders)) return decoders;
  const limits = limitsOf(body, coding);
  let decoded = body;
  try {
    for (const decoder of decoders) decoded = decoder(decoded).now(decoded, limits);
    return { body: decoded };
  } catch (error) {
    return problemOf(error);
  }
}

/** The same, with nobody held up meanwhile: for bodies that are large. */
export async function decodeBodyLater(body: Buffer, coding: Coding): Promise<Decoded> {
  const decoders = decodersFor(body, coding);
  if (!Array.isArray(decoders)) return decoders;
  const limits = { ...limitsOf(body, coding), chunkSize: CHUNK_BYTES };
  let decoded = body;
  try {
    for (const decoder of decoders) decoded = await decoder(decoded).later(decoded, limits);
    return { body: decoded };
  } catch (error) {
    return problemOf(error);
  }
}

type ChooseDecoder = (body: Buffer) => Decoder;

/** The decoders of a list of codings, the last one first (RFC 9110, section 8.4); a coding that changes nothing is none. */
function decodersFor(body: Buffer, { contentEncoding = '' }: Coding): ChooseDecoder[] | Decoded {
  const codings = contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity' && coding !== 'none');
  if (codings.length === 0 || body.length === 0) return { body };
  if (codings.length > MOST_LAYERS) return { problem: 'UNSUPPORTED' };
  const decoders: ChooseDecoder[] = [];
  for (const coding of codings.toReversed()) {
    const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
    if (decoder === undefined) return { problem: 'UNSUPPORTED' };
    decoders.push(decoder);
  }
  return decoders;
}

function limitsOf(body: Buffer, { mostBytes = MOST_DECODED_BYTES }: Coding): Limits {
  const byRatio = Math.max(body.length * LARGEST_RATIO, ALWAYS_ALLOWED_BYTES);
  return { maxOutputLength: Math.min(byRatio, mostBytes) };
}

/** How much memory decoding a body of so many bytes may take, beside its own; none where its coding is not known. */
export function mostDecodedBytes(bytes: number, contentEncoding: string): number {
  const decoders = decodersFor(Buffer.alloc(1), { contentEncoding });
  if (bytes === 0 || !Array.isArray(decoders)) return 0;
  const most = Math.min(Math.max(bytes * LARGEST_RATIO, ALWAYS_ALLOWED_BYTES), MOST_DECODED_BYTES);
  // What one layer holds is there until the next has been taken off.
  return Math.min(decoders.length, 2) * most;
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
      return `Content-Encoding ${coding} is not known: up to three of gzip, deflate, br and zstd are`;
    case 'MALFORMED':
      return `the body is not ${coding}, as Content-Encoding says, or it is cut off`;
    case 'TOO_LARGE':
      return `the ${coding} body grows beyond 20 MiB or a hundredfold`;
  }
}
