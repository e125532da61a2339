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
    secrets,
    attempt,
  }: { scheme: SignedScheme; secrets: readonly Secret[]; attempt: Attempt },
): string | undefined {
  if (scheme.key === 'public' || received.body.length > 262_144) return undefined;
  const valid = activeSecrets(secrets, { atMs: received.receivedAtMs });
  const tries: [hint: string, () => boolean][] = [
    ...bodyMistakes(received).map(([hint, body]): [string, () => boolean] => [
      hint,
      () => attempt(scheme, valid, withBody(received, body)),
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

function bodyMistakes({ body }: Received): [string, Buffer][] {
  const mistakes: [string, Buffer][] = [];
  const text = body.toString('utf8');
  const trimmed = text.replace(/[\r\n]+$/, '');
  if (trimmed !== text)
    mistakes.push(['it matches without the newline at the end of the body', Buffer.from(trimmed)]);
  else mistakes.push(['it matches with a newline added to the body', Buffer.from(`${text}\n`)]);
  if (text.startsWith('\ufeff'))
    mistakes.push(['it matches without the byte order mark', Buffer.from(text.slice(1))]);
  try {
    const compact = JSON.stringify(JSON.parse(text));
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
