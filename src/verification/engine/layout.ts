import { headerValues, type Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';
import { isDuplicate, readPlace } from './place.ts';
import type { SignatureLayout, SignedScheme } from './scheme.ts';

/** One set of signatures with the pairs that stood beside them. */
export type SignatureGroup = { signatures: string[]; pairs: ReadonlyMap<string, string> };

const NO_PAIRS: ReadonlyMap<string, string> = new Map();
// More than a provider ever sends while it rotates keys; every one costs a comparison.
const MOST_SIGNATURES = 20;

/** Reads the signatures of a request as its scheme lays them out, or says why that cannot be done. */
export function readSignatures(
  received: Received,
  { scheme, body }: { scheme: SignedScheme; body: Buffer },
): SignatureGroup[] | Refused {
  if (scheme.layout.kind === 'numbered') return numbered(received, scheme.signature.slice(7));
  const found = isRepeated(scheme.layout)
    ? repeatedHeader(received, scheme)
    : readPlace(scheme.signature, { received, body });
  if (isDuplicate(found)) return refused(VerificationReason.DUPLICATE_SIGNATURE);
  if (found === undefined) return missing(received, scheme);
  if (found === '') {
    const hint = `${scheme.signature.replace(':', ' ')} is empty`;
    return refused(VerificationReason.MISSING_SIGNATURE, hint);
  }
  const groups = parseLayout(found, scheme.layout).filter((group) => group.signatures.length > 0);
  const count = groups.reduce((sum, group) => sum + group.signatures.length, 0);
  return count === 0 || count > MOST_SIGNATURES
    ? refused(VerificationReason.MALFORMED, layoutHint(scheme.layout))
    : groups;
}

function isRepeated(layout: SignatureLayout): boolean {
  return layout.kind === 'list' && layout.repeated === true;
}

function repeatedHeader(received: Received, { signature }: SignedScheme): string | undefined {
  const values = headerValues(received, { name: signature.slice('header:'.length) });
  return values.length === 0 ? undefined : values.join();
}

function numbered(received: Received, stem: string): SignatureGroup[] | Refused {
  const signatures: string[] = [];
  for (let number = 1; number <= MOST_SIGNATURES; number++) {
    const values = headerValues(received, { name: `${stem}${number}` });
    if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (values[0] === undefined) break;
    signatures.push(values[0]);
  }
  return signatures.length === 0
    ? refused(VerificationReason.MISSING_SIGNATURE, `no ${stem}1 header`)
    : [{ signatures, pairs: NO_PAIRS }];
}

function missing(received: Received, scheme: SignedScheme): Refused {
  const place = scheme.signature.replace(':', ' ');
  const near = received.headers.find(([name]) => /signature|hmac/i.test(name))?.[0];
  const hint = near === undefined ? `no ${place}` : `no ${place}, but there is a header ${near}`;
  return refused(VerificationReason.MISSING_SIGNATURE, hint);
}

function layoutHint(layout: SignatureLayout): string {
  switch (layout.kind) {
    case 'prefix':
      return `the signature does not begin with ${layout.prefix}`;
    case 'pairs':
      return `no ${layout.signature}= in the signature header`;
    case 'list':
      return `no entry with ${layout.prefix} in the signature header`;
    case 'raw':
    case 'positions':
    case 'numbered':
      break;
  }
  return 'the signature header has an unexpected form';
}

function parseLayout(value: string, layout: SignatureLayout): SignatureGroup[] {
  switch (layout.kind) {
    case 'raw':
    case 'numbered':
      return [{ signatures: [value], pairs: NO_PAIRS }];
    case 'prefix':
      return value.startsWith(layout.prefix)
        ? [{ signatures: [value.slice(layout.prefix.length)], pairs: NO_PAIRS }]
        : [];
    case 'pairs':
      return (layout.groups === undefined ? [value] : value.split(layout.groups)).map((text) =>
        parsePairs(text, { separator: layout.separator, signature: layout.signature }),
      );
    case 'list':
      return [
        {
          pairs: NO_PAIRS,
          signatures: value
            .split(layout.separator)
            .map((entry) => entry.trim())
            .filter((entry) => entry.startsWith(layout.prefix))
            .map((entry) => entry.slice(layout.prefix.length)),
        },
      ];
    case 'positions':
      break;
  }
  const entries = value.split(layout.separator).map((entry) => entry.trim());
  const pairs = new Map([['t', entries[layout.timestampAt] ?? '']]);
  return [{ signatures: entries.slice(layout.signatureFrom), pairs }];
}

// A key that is not the signature's may stand once: with two timestamps nobody could say which one was signed.
function parsePairs(
  text: string,
  { separator, signature }: { separator: string; signature: string },
): SignatureGroup {
  const pairs = new Map<string, string>();
  const signatures: string[] = [];
  for (const entry of text.split(separator)) {
    const at = entry.indexOf('=');
    if (at === -1) continue;
    const name = entry.slice(0, at).trim();
    const value = entry.slice(at + 1).trim();
    if (name === signature) signatures.push(value);
    else if (pairs.has(name)) return { signatures: [], pairs: NO_PAIRS };
    else pairs.set(name, value);
  }
  return { signatures, pairs };
}
