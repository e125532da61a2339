import { refused, VerificationReason, type Refused } from './verdict.ts';

/** A request as it came over the wire; nothing in it has been re-serialised. */
export type Received = {
  method: string;
  /** The public URL as the provider registered it, byte for byte, query included. */
  url: string;
  /** The same under the other address that the gateway is known by, where a proxy we trust says so. */
  otherUrl?: string;
  path: string;
  /** What stands after `?`, without it. */
  rawQuery: string;
  /** In the order and case of the wire, duplicates kept. */
  headers: readonly (readonly [string, string])[];
  /** Wire bytes, still compressed if the sender compressed them. */
  body: Buffer;
  /** The body after its content encoding was undone; null where that failed. Called at most when needed. */
  decodedBody?: () => Buffer | null;
  /** Why that failed, in words. */
  decodingProblem?: () => string | undefined;
  /** Only where decoding takes so long that it should be done beforehand: see `createOpener`. */
  largeBody?: LargeBody;
  /** Where large bodies are read while others go on: the result, once it is there. See `readAside`. */
  aside?: Aside;
  receivedAtMs: number;
};

/** Gives the result of a work over the body, by its name; until it is there it is noted that somebody waits for it. */
export type Aside = <T>(name: string, work: () => Generator<undefined, T>) => T | 'LATER';

/** A compressed body that is better decoded in the thread pool; afterwards `decodedBody` has it at hand. */
export type LargeBody = { isDecoded: () => boolean; decode: () => Promise<void> };

/** A secret may stay valid beside its successor until `notAfterMs`. */
export type Secret = { value: string; notAfterMs?: number };

/** All values of one header, in order. */
export function headerValues(received: Received, { name }: { name: string }): string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  for (const [key, value] of received.headers) {
    if (key.length === wanted.length && key.toLowerCase() === wanted) values.push(value);
  }
  return values;
}

/** The value of a header that may appear once; undefined where it is absent or doubled. */
export function singleHeader(received: Received, name: string): string | undefined {
  const values = headerValues(received, { name });
  return values.length === 1 ? values[0] : undefined;
}

/** The content type; where a sender or a proxy says it twice it is a list, of which readers take the first. */
export function contentTypeOf(received: Received): string | undefined {
  const values = headerValues(received, { name: 'content-type' });
  return values.length === 0 ? undefined : values.join(', ');
}

/** The secrets that were valid when the request arrived. */
export function activeSecrets(secrets: readonly Secret[], { atMs }: { atMs: number }): Secret[] {
  return secrets.filter(
    (secret) =>
      secret.value !== '' && (secret.notAfterMs === undefined || atMs <= secret.notAfterMs),
  );
}

/** The body most providers sign: decoded where the sender compressed it, else the wire bytes. */
export function signedBody(
  received: Received,
  { over }: { over: 'wire' | 'decoded' },
): Buffer | null {
  if (over === 'wire' || received.decodedBody === undefined) return received.body;
  return received.decodedBody();
}

/** Refuses a request whose body cannot be decoded, and says what is wrong with its coding. */
export function notDecodable(received: Received): Refused {
  return refused(VerificationReason.BODY_NOT_DECODABLE, received.decodingProblem?.());
}

/**
 * The URL a provider signed: the registered one where the source says it. What the sender appended as a query is
 * added to a registered URL that has none; never anything from Host or from what a proxy says that nobody trusts.
 */
export function signedUrl(received: Received, registeredUrl: string | undefined): string {
  if (registeredUrl === undefined) return received.url;
  const isWhole = registeredUrl.includes('?') || received.rawQuery === '';
  return isWhole ? registeredUrl : `${registeredUrl}?${received.rawQuery}`;
}

/** The request as it may have been signed: at one address, and at the other where there is one. */
export function candidatesOf(received: Received): Received[] {
  const { otherUrl, ...rest } = received;
  return otherUrl === undefined ? [received] : [rest, { ...rest, url: otherUrl }];
}
