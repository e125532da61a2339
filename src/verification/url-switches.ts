import { ANSWER_CONTENT_TYPES, LONGEST_ANSWER_BYTES } from './custom-response.ts';

export type UrlResponse = { contentType: string; body: string };

/** What a source's URL says about itself, for senders that cannot be configured otherwise. */
export type UrlSwitches = {
  allowMethods?: readonly string[];
  response?: UrlResponse;
  contentType?: string;
  /** Switches that were there but could not be understood; they have no effect. */
  problems: readonly string[];
};

const NAME =
  /^x-(?:hookdeck|sluice)-(allow-methods|response|content-type)(?:\[(text|json|xml)\])?$/;
const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const MEDIA_TYPE =
  /^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}(?:; ?charset=[a-z0-9-]{1,32})?$/i;

/** Reads the switches of a URL's query: `x-sluice-allow-methods`, `-response[json]`, `-content-type`. */
export function readUrlSwitches(rawQuery: string): UrlSwitches {
  // Nearly every URL has none: do not parse its query for nothing.
  if (!/x-(?:hookdeck|sluice)-/.test(rawQuery)) return { problems: [] };
  const switches: { allowMethods?: string[]; response?: UrlResponse; contentType?: string } = {};
  const problems: string[] = [];
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const understood = apply(switches, { kind: match[1], format: match[2], value });
    if (!understood) problems.push(name);
  }
  return { ...switches, problems };
}

function apply(
  switches: { allowMethods?: string[]; response?: UrlResponse; contentType?: string },
  { kind, format, value }: { kind: string | undefined; format: string | undefined; value: string },
): boolean {
  if (kind === 'allow-methods') {
    const methods = value.split(',').map((name) => name.trim().toUpperCase());
    if (!methods.every((name) => METHODS.has(name))) return false;
    switches.allowMethods = methods;
    return true;
  }
  if (kind === 'content-type') {
    if (!MEDIA_TYPE.test(value)) return false;
    switches.contentType = value;
    return true;
  }
  const response = readResponse(value, format);
  if (response === null) return false;
  switches.response = response;
  return true;
}

function readResponse(value: string, format: string | undefined): UrlResponse | null {
  if (Buffer.byteLength(value) > LONGEST_ANSWER_BYTES) return null;
  if (format === undefined)
    return value === 'null' ? { contentType: 'text/plain', body: '' } : null;
  return {
    contentType: ANSWER_CONTENT_TYPES[format as keyof typeof ANSWER_CONTENT_TYPES],
    body: value,
  };
}

/** The query without the gateway's own switches, byte for byte otherwise; what goes on to destinations. */
export function withoutSwitches(rawQuery: string): string {
  return rawQuery
    .split('&')
    .filter((pair) => !NAME.test(decodedName(pair)))
    .join('&');
}

function decodedName(pair: string): string {
  const [name = ''] = pair.split('=');
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}
