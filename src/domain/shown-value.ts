import { ExactNumber } from './numbers/exact-number.ts';

/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** Characters of JSON up to which a value is shown as it is. */
const MAX_CHARACTERS = 200;

// The last part of a name, in any spelling: `X-Api-Key`, `webhookSecret`, `x-hub-signature-256`.
const SECRET_NAME =
  /(?:authorization|cookie|passw(?:or)?d|passphrase|secret|token|jwt|signature|hmac|credentials?|(?:api|private|access|secret|auth|encryption|signing)key)(?:sha)?\d*$/;

/** Whether what stands under this name is a secret, as far as a name can tell. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replaceAll(/[-_. ]/g, ''));
}

/**
 * A value as it may be shown to people: without what stands under the name of a secret. A long text is cut, and any
 * other value whose JSON has more than 200 characters becomes the beginning of that JSON; both end with an ellipsis.
 */
export function shownValue(value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  const pieces: string[] = [];
  const room = { left: MAX_CHARACTERS };
  write(value, (piece) => {
    pieces.push(piece.slice(0, Math.max(0, room.left)));
    room.left -= piece.length;
    return room.left >= 0;
  });
  const text = pieces.join('');
  if (room.left < 0) return `${text.toWellFormed()}…`;
  return isPlain(value) ? value : withoutSecrets(value);
}

function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS).toWellFormed()}…` : text;
}

/** Takes a piece of text; false when it wants no more. */
type Take = (piece: string) => boolean;

/** Writes JSON piece by piece, no further than it is taken: the value may be as large as a body, and as deep. */
function write(value: unknown, take: Take): boolean {
  if (typeof value === 'string') return take(JSON.stringify(value.slice(0, MAX_CHARACTERS + 1)));
  if (isPlain(value)) return take(JSON.stringify(value) ?? 'null');
  const isList = Array.isArray(value);
  if (!take(isList ? '[' : '{')) return false;
  let separator = '';
  // Stops where nothing more is taken: a payload decides how many there are.
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const name = isList ? '' : `${JSON.stringify(key.slice(0, MAX_CHARACTERS))}:`;
    if (!take(separator + name)) return false;
    separator = ',';
    const isSecret = !isList && isSecretName(key);
    if (!write(isSecret ? REDACTED : (value as Record<string, unknown>)[key], take)) return false;
  }
  return take(isList ? ']' : '}');
}

/** A copy of a small value. */
function withoutSecrets(value: unknown): unknown {
  if (isPlain(value)) return value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isSecretName(key) ? REDACTED : withoutSecrets(item),
    ]),
  );
}

function isPlain(value: unknown): value is string | number | boolean | null | undefined {
  return typeof value !== 'object' || value === null || value instanceof ExactNumber;
}
