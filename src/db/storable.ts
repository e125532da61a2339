/** Text as PostgreSQL can hold it: NUL is shown as its picture, a half of a surrogate pair as the replacement character. */
export function storableText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u2400').toWellFormed() : text.toWellFormed();
}

/** JSON text of a value whose strings PostgreSQL can hold, also as `jsonb`. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'string' ? storableText(item) : item,
  );
}
