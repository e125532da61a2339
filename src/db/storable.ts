/** Text as PostgreSQL can hold it: NUL is shown as its picture, a half of a surrogate pair as the replacement character. */
export function storableText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u2400').toWellFormed() : text.toWellFormed();
}

// JSON.stringify writes just these as escapes: NUL, and halves of surrogate pairs.
const UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** JSON text of a value whose strings PostgreSQL can hold, also as `jsonb`. */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!UNSTORABLE.test(text)) return text;
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'string' ? storableText(item) : item,
  );
}

const HIGHEST_INTEGER = 2 ** 31 - 1;

/** A number as a column of whole numbers can hold it; null where it cannot. */
export function storableInteger(value: number | null): number | null {
  return Number.isInteger(value) && Math.abs(value!) <= HIGHEST_INTEGER ? value : null;
}
