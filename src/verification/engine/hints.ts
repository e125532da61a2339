import { parseAsWritten } from '../../domain/numbers/parse.ts';
import { activeSecrets, type Received, type Secret } from '../received.ts';
import type { SignedScheme } from './scheme.ts';

/** Verifies with the scheme, secrets and request given: the engine, handed in so that a hint cannot differ from it. */
type Attempt = (scheme: SignedScheme, secrets: readonly Secret[], received: Received) => boolean;

/**
 * Tries the commonest mistakes once a signature did not match, and says which one it was. Only ever runs on
 * failure; a match here never makes a request verified.
 */
export function findHint(
  received: Received,
  {
    scheme,
    body,
    secrets,
    attempt,
  }: {
    scheme: SignedScheme;
    /** The bytes the signature was checked over. */
    body: Buffer;
    secrets: readonly Secret[];
    attempt: Attempt;
  },
): string | undefined {
  if (scheme.key === 'public' || body.length > 262_144) return undefined;
  const valid = activeSecrets(secrets, { atMs: received.receivedAtMs });
  const tries: [hint: string, () => boolean][] = [
    ...bodyMistakes(body).map(([hint, other]): [string, () => boolean] => [
      hint,
      () => attempt(scheme, valid, withBody(received, other)),
    ]),
    ...secretMistakes(scheme).map(([hint, changed, change]): [string, () => boolean] => [
      hint,
      () => attempt(changed, valid.map(change), received),
    ]),
    [
      'it matches a secret that is no longer valid',
      () => valid.length < secrets.length && attempt(scheme, secrets.map(withoutEnd), received),
    ],
  ];
  return tries.find(([, matches]) => matches())?.[0];
}

const NEWLINE = Buffer.from('\n');
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

// Bytes and not text: a body that is no UTF-8 may have been changed in the same ways.
function bodyMistakes(body: Buffer): [string, Buffer][] {
  const mistakes: [string, Buffer][] = [];
  const trimmed = withoutNewlines(body);
  if (trimmed.length < body.length)
    mistakes.push(['it matches without the newline at the end of the body', trimmed]);
  else
    mistakes.push(['it matches with a newline added to the body', Buffer.concat([body, NEWLINE])]);
  if (body.subarray(0, 3).equals(BYTE_ORDER_MARK))
    mistakes.push(['it matches without the byte order mark', body.subarray(3)]);
  const text = body.toString('utf8');
  try {
    const compact = JSON.stringify(parseAsWritten(text));
    if (compact !== text)
      mistakes.push([
        'it matches the body with its whitespace removed: something on the way re-serialised it',
        Buffer.from(compact),
      ]);
  } catch {
    // No JSON: nothing was re-serialised.
  }
  return mistakes;
}

function withoutNewlines(body: Buffer): Buffer {
  let end = body.length;
  while (end > 0 && (body[end - 1] === 0x0a || body[end - 1] === 0x0d)) end--;
  return body.subarray(0, end);
}

function secretMistakes(
  scheme: SignedScheme,
): [string, SignedScheme, (secret: Secret) => Secret][] {
  const as = (key: SignedScheme['key']): SignedScheme => ({ ...scheme, key });
  const changed = (change: (value: string) => string) => (secret: Secret) => ({
    ...secret,
    value: change(secret.value),
  });
  return [
    [
      'it matches with the spaces around the secret removed',
      scheme,
      changed((value) => value.trim()),
    ],
    [
      'it matches with the secret base64-decoded',
      as('base64'),
      changed((value) => value.replace(/^whsec_/, '')),
    ],
    ['it matches with the secret hex-decoded', as('hex'), changed((value) => value)],
    [
      'it matches with the secret as it is written, not decoded',
      as('utf8'),
      changed((value) => value),
    ],
    [
      'it matches with the secret as it is written, without whsec_',
      as('utf8'),
      changed((value) => value.replace(/^whsec_/, '')),
    ],
    [
      'it matches with whsec_ in front of the secret',
      as('utf8'),
      changed((value) => `whsec_${value}`),
    ],
  ];
}

function withBody(received: Received, body: Buffer): Received {
  const { decodedBody: _, ...rest } = received;
  return { ...rest, body };
}

function withoutEnd(secret: Secret): Secret {
  return { value: secret.value };
}
