import { readAside, type LATER, type Work } from '../body/aside.ts';
import type { Received } from '../received.ts';

const STEP_CHARACTERS = 65_536;
const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** A JSON text as PHP writes it: no space between, slashes and Unicode escaped, numbers and the order as they were. */
export function phpJson(received: Received, json: Buffer): Buffer | typeof LATER {
  return readAside(received, { name: 'php', bytes: json.length, work: () => rewrite(json) });
}

// Written on text and never parsed. In pieces, because the text may be long.
function* rewrite(json: Buffer): Work<Buffer> {
  const text = json.toString('utf8');
  const parts: Buffer[] = [];
  const state = { isString: false, isEscaped: false };
  for (let from = 0; from < text.length; from += STEP_CHARACTERS) {
    parts.push(rewritten(text.slice(from, from + STEP_CHARACTERS), state));
    yield undefined;
  }
  return Buffer.concat(parts);
}

function rewritten(text: string, state: { isString: boolean; isEscaped: boolean }): Buffer {
  // A character becomes six at most.
  const out = Buffer.allocUnsafe(6 * text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (state.isEscaped) state.isEscaped = false;
    else if (unit === QUOTE) state.isString = !state.isString;
    else if (!state.isString && unit <= SPACE) continue;
    else if (unit === BACKSLASH) state.isEscaped = true;
    else if (unit === SLASH && state.isString) out[length++] = BACKSLASH;
    else if (unit >= 0x80) {
      length += out.write(`\\u${unit.toString(16).padStart(4, '0')}`, length, 'latin1');
      continue;
    }
    out[length++] = unit;
  }
  return out.subarray(0, length);
}
