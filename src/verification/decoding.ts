import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { headerValues, type Received } from './received.ts';

/** The largest a body may become. */
export const MOST_DECODED_BYTES = 20 * 1024 * 1024;
// A text compresses to a tenth, a log to a fiftieth; what grows a hundredfold was made to.
const LARGEST_RATIO = 100;
// Small enough to be harmless at any ratio.
const ALWAYS_ALLOWED_BYTES = 65_536;

export type Decoded = { body: Buffer } | { problem: 'UNSUPPORTED' | 'MALFORMED' | 'TOO_LARGE' };

type Decompress = (body: Buffer, options: { maxOutputLength: number }) => Buffer;

const DECODERS: Readonly<Record<string, Decompress>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateEither,
  br: brotliDecompressSync,
};

/** Undoes one layer of content encoding, within an output and a ratio cap. */
export function decodeBody(
  body: Buffer,
  {
    contentEncoding,
    mostBytes = MOST_DECODED_BYTES,
  }: { contentEncoding: string | undefined; mostBytes?: number },
): Decoded {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity' || body.length === 0) return { body };
  const decode = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (decode === undefined) return { problem: 'UNSUPPORTED' };
  const byRatio = Math.max(body.length * LARGEST_RATIO, ALWAYS_ALLOWED_BYTES);
  try {
    return { body: decode(body, { maxOutputLength: Math.min(byRatio, mostBytes) }) };
  } catch (error) {
    const isLarge = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    return { problem: isLarge ? 'TOO_LARGE' : 'MALFORMED' };
  }
}

// Half of the senders that say deflate leave out the wrapper the standard asks for.
function inflateEither(body: Buffer, options: { maxOutputLength: number }): Buffer {
  const hasWrapper =
    ((body[0] ?? 0) & 0x0f) === 8 && ((body[0] ?? 0) * 256 + (body[1] ?? 0)) % 31 === 0;
  return hasWrapper ? inflateSync(body, options) : inflateRawSync(body, options);
}

/** What a request says about its coding; undefined where it says nothing. Two headers are a list, as RFC 9110 has it. */
export function contentEncodingOf(received: Received): string | undefined {
  const values = headerValues(received, { name: 'content-encoding' });
  return values.length === 0 ? undefined : values.join(', ');
}

/** Adds the decoded body to a request: made when first asked for, and only once. */
export function withDecodedBody(received: Received): Received {
  const contentEncoding = contentEncodingOf(received);
  if (contentEncoding === undefined) return received;
  let decoded: Decoded | undefined;
  const decode = () => (decoded ??= decodeBody(received.body, { contentEncoding }));
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
