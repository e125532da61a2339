/** Reads bytes as text in the charset the content type names; UTF-8 where it names none or an unknown one. */
export function decodeText(
  bytes: Buffer,
  { contentType }: { contentType: string | undefined },
): string {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  return decoderFor(charset).decode(bytes);
}

// The decoder drops a byte order mark, which JSON does not allow.
function decoderFor(charset: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
