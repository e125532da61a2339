import { parseKeyPath, readPath } from '../../domain/payload-path.ts';
import { parseBody } from '../../verification/content.ts';
import { singleHeader, type Received } from '../../verification/received.ts';

const HEADER = /^headers\.(.+)$/;

/** What stands at a source's path for the sender's own id (`headers.…`, `body.…`); empty where there is nothing. */
export function idempotencyText(path: string, received: Received): string {
  const header = HEADER.exec(path)?.[1];
  if (header !== undefined) return singleHeader(received, header) ?? '';
  const parsed = parseKeyPath(path);
  if ('error' in parsed) return '';
  const bytes = received.decodedBody?.() ?? received.body;
  const body = parseBody(singleHeader(received, 'content-type'), bytes, { sniffJson: true }).value;
  const query = Object.fromEntries(new URLSearchParams(received.rawQuery));
  return readPath(parsed.path, { headers: {}, body, query, path: received.path });
}
