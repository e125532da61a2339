/** Reads bytes as text in the charset the content type names; UTF-8 where it names none or an unknown one. */
export function decodeText(
  bytes: Buffer,
  { contentType }: { contentType: string | undefined },
): string {
  const named = /;\s*charset\s*=\s*["']?([^"',;\s]+)/i.exec(contentType ?? '')?.[1];
  return decoderFor(markedCharset(bytes) ?? named ?? 'utf-8').decode(bytes);
}

/** The charset a byte order mark stands for, which says more than any header. */
function markedCharset([first, second, third]: Buffer): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}

// The decoder drops a byte order mark, which JSON does not allow.
function decoderFor(charset: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
