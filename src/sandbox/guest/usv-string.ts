const toText: (value: unknown) => string = String;

/** What web interfaces take for a string: any value as text, lone surrogates replaced. */
export function usvString(value: unknown): string {
  return toText(value).toWellFormed();
}
