import { decodeText } from '../text.ts';
import { contentTypeOf, type Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';
import { readAside, type LATER } from './aside.ts';
import { scanJson, type ScanProblem, type Span } from './json-scan.ts';

/** What was found at one path: the bytes as they stand, and the text of a string, number or boolean. */
export type JsonValue = { raw: Buffer; text: string | undefined; item: number };

/** What stands at the paths that were asked for. */
export type JsonValues = {
  /** All values at a path, in their order. */
  all: (path: string) => JsonValue[];
  /** The text of the value at a path without `*`; undefined where there is none, or it is no scalar. */
  text: (path: string) => string | undefined;
  /** The bytes of the value at a path without `*`. */
  raw: (path: string) => Buffer | undefined;
};

export type JsonProblem = ScanProblem | typeof LATER;

/**
 * Reads single values out of a JSON body of any size that is taken in, numbers as they are written. Nothing is made of
 * the rest, so hostile text costs the time to read it and no more.
 */
export function readJson(
  received: Received,
  { body, paths }: { body: Buffer; paths: readonly string[] },
): JsonValues | { problem: JsonProblem } {
  const wire = body === received.body;
  const json = jsonBytes(body);
  const got = readAside(received, {
    name: `json ${wire ? 'wire' : 'decoded'} ${paths.join(' ')}`,
    bytes: json.length,
    work: () => scanJson(json, paths),
  });
  if (typeof got === 'string') return { problem: got };
  const contentType = json === body ? contentTypeOf(received) : undefined;
  return valuesOf(json, { spans: got, contentType });
}

type Found = { spans: ReadonlyMap<string, Span[]>; contentType: string | undefined };

function valuesOf(json: Buffer, { spans, contentType }: Found): JsonValues {
  const valueAt = ({ start, end, item }: Span): JsonValue => {
    const raw = json.subarray(start, end);
    return {
      raw,
      item,
      get text() {
        return scalarText(raw, contentType);
      },
    };
  };
  const first = (path: string) => {
    const span = spans.get(path)?.[0];
    return span === undefined ? undefined : valueAt(span);
  };
  return {
    all: (path) => (spans.get(path) ?? []).map(valueAt),
    text: (path) => first(path)?.text,
    raw: (path) => first(path)?.raw,
  };
}

function scalarText(raw: Buffer, contentType: string | undefined): string | undefined {
  const first = raw[0];
  if (first === 0x22) return stringIn(decodeText(raw, { contentType })) ?? stringIn(raw.toString());
  const isScalar = first !== 0x7b && first !== 0x5b && first !== 0x6e;
  return isScalar ? raw.toString('latin1') : undefined;
}

// Where the content type names a charset that the body is not in, it is read as what JSON is in.
function stringIn(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Why a body of which values were to be read could not be, in words. */
export function jsonProblem(problem: JsonProblem): Refused {
  return refused(VerificationReason.MALFORMED, PROBLEMS[problem]);
}

const PROBLEMS: Readonly<Record<JsonProblem, string>> = {
  INVALID: 'the body is not JSON',
  DOUBLED: 'a member that is verified stands twice in the body',
  TOO_MANY: 'more than 100,000 values of the body would have to be verified',
  LATER: 'the body was not read yet',
};

/**
 * A JSON text in UTF-8 and without a byte order mark. Some senders put one before it, or write UTF-16; the standard
 * lets a reader skip the mark (RFC 8259, section 8.1).
 */
export function jsonBytes(body: Buffer): Buffer {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return body.subarray(3);
  const charset = utf16Of(body);
  return charset === undefined ? body : Buffer.from(new TextDecoder(charset).decode(body));
}

// With a mark or without: the first character of a JSON text is ASCII.
function utf16Of([first, second, third]: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first !== 0 && second === 0 && third !== 0) return 'utf-16le';
  return first === 0 && second !== 0 ? 'utf-16be' : undefined;
}

/** A small JSON document as a value; undefined where it is none. For what is short anyway, such as a question. */
export function smallJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(jsonBytes(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
