import { shortDigest } from './engine/engine.ts';
import { readJson } from './body/json.ts';
import { isDuplicate, isInBody, readPlace, type Place } from './engine/place.ts';
import { Unique, type DeliveryId } from './providers/ids/define.ts';
import { signedBody, type Received } from './received.ts';

const LONGEST_KEY = 256;
const NOTHING = Buffer.alloc(0);

/**
 * What makes a request the same delivery as another: the id its provider gave it, with what has to be the same too.
 * Undefined where it carries none.
 */
export function deliveryKey(
  { at, unique, beside }: DeliveryId,
  received: Received,
): string | undefined {
  for (const place of at) {
    const ids = idsAt(place, received);
    if (ids === null) continue;
    const others = beside.map((other) =>
      other === 'address' ? addressOf(received) : (textAt(other, received) ?? ''),
    );
    const isBodySame = unique === Unique.NOTHING;
    const body = isBodySame ? signedBody(received, { over: 'decoded' }) : NOTHING;
    if (body === null) return undefined;
    const parts = [...others, ...(isBodySame ? [shortDigest(body)] : [])];
    return keyOf(ids, parts);
  }
  return undefined;
}

function addressOf({ path, rawQuery }: Received): string {
  return rawQuery === '' ? path : `${path}?${rawQuery}`;
}

// An id alone stands for itself; one that could be taken for a list of them does not.
function keyOf(ids: readonly string[], parts: readonly string[]): string {
  const [only = ''] = ids;
  const isAlone = ids.length === 1 && !only.startsWith('[') && parts.every((part) => part === '');
  const text = isAlone ? only : JSON.stringify([ids.toSorted(), ...parts]);
  return text.length > LONGEST_KEY ? shortDigest(Buffer.from(text)) : text;
}

/** The id at a place, or those of all entries of a batch; null where there is none, or an entry has none. */
function idsAt(place: Place, received: Received): string[] | null {
  if (place.startsWith('json:') && place.includes('*')) return idsOfBatch(place.slice(5), received);
  const id = textAt(place, received);
  return id === undefined || id === '' ? null : [id];
}

function idsOfBatch(path: string, received: Received): string[] | null {
  const body = signedBody(received, { over: 'decoded' });
  if (body === null) return null;
  const entry = path.slice(0, path.lastIndexOf('*') + 1);
  const json = readJson(received, { body, paths: [entry, path] });
  if ('problem' in json) return null;
  const ids = json.all(path).map(({ text }) => text ?? '');
  const isWhole = ids.length === json.all(entry).length && !ids.includes('');
  return isWhole && ids.length > 0 ? ids : null;
}

function textAt(place: Place, received: Received): string | undefined {
  // A body is decoded only for what stands in it: anybody may send one that grows.
  const body = isInBody(place) ? signedBody(received, { over: 'decoded' }) : NOTHING;
  const found = body === null ? undefined : readPlace(place, { received, body });
  return found === undefined || isDuplicate(found) ? undefined : found;
}
