// Text for values a guest threw or logged. Everything here may run the guest's getters and traps,
// and therefore only ever runs inside a call that has a time limit.

import { shownJson } from './written-json.ts';

const MAX_CHARACTERS = 8_192;
const toText = String;
const BaseError = Error;

export type Described = { readonly message: string; readonly stack: string };

function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}

export function describeThrown(value: unknown): Described {
  try {
    if (!(value instanceof BaseError)) return { message: `Thrown: ${showValue(value)}`, stack: '' };
    const { name, message, stack } = value;
    return {
      message: cut(`${toText(name)}: ${toText(message)}`),
      stack: typeof stack === 'string' ? cut(stack) : '',
    };
  } catch {
    return { message: 'A value was thrown that cannot be shown.', stack: '' };
  }
}

/** One console argument as text: strings as they are, errors with their stack, the rest as JSON. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return cut(value);
  try {
    if (value instanceof BaseError) return cut(toText(value.stack));
    const text = typeof value === 'object' && value !== null ? shownJson(value) : toText(value);
    return cut(text ?? toText(value));
  } catch {
    return '[a value that cannot be shown]';
  }
}
