// TextEncoder and TextDecoder: UTF-8 alone, whole values alone (no streaming).
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

class TextEncoder {
  get encoding(): string {
    return 'utf-8';
  }

  encode(text: unknown = ''): Uint8Array {
    return encodeUtf8(String(text));
  }
}

type DecoderOptions = { readonly fatal?: boolean; readonly ignoreBOM?: boolean };

class TextDecoder {
  readonly encoding = 'utf-8';
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(label: unknown = 'utf-8', options: DecoderOptions = {}) {
    if (!/^\s*utf-?8\s*$/i.test(String(label))) {
      throw new RangeError(`TextDecoder knows utf-8 only, not "${String(label)}".`);
    }
    this.fatal = Boolean(options.fatal);
    this.ignoreBOM = Boolean(options.ignoreBOM);
  }

  decode(input: ArrayBuffer | ArrayBufferView = new Uint8Array()): string {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const text = decodeUtf8(bytes, { fatal: this.fatal });
    return !this.ignoreBOM && text.startsWith('\uFEFF') ? text.slice(1) : text;
  }
}

export function install(): void {
  Object.assign(globalThis, { TextEncoder, TextDecoder });
}
