import { contentFamily, ContentFamily } from '../content.ts';
import { shortDigest } from '../engine/engine.ts';
import { contentTypeOf, type Received } from '../received.ts';
import { LARGEST_AT_ONCE_BYTES } from './aside.ts';
import { readForm, valuesOf } from './form.ts';
import { readJson } from './json.ts';

/**
 * A large body cut down to what stands at one path, as it is written, so that no more than that is parsed: JSON with one
 * member, a form with one field. A small body stays as it is. Of what is large itself stands a digest of its bytes.
 */
export function shortened(
  received: Received,
  { body, steps }: { body: Buffer; steps: readonly string[] },
): Buffer | { whole: string } | null {
  if (body.length <= LARGEST_AT_ONCE_BYTES) return body;
  const [first] = steps;
  const family = contentFamily(contentTypeOf(received));
  if (first === undefined)
    return family === ContentFamily.BINARY ? null : { whole: shortDigest(body) };
  if (family === ContentFamily.FORM) return oneField(received, { body, name: first });
  const mayBeJson = family === ContentFamily.JSON || family === ContentFamily.TEXT;
  return mayBeJson ? oneMember(received, { body, steps }) : null;
}

type Member = { body: Buffer; steps: readonly string[] };

function oneMember(received: Received, { body, steps }: Member): Buffer | null {
  const path = steps.join('.');
  const json = readJson(received, { body, paths: [path] });
  const raw = 'problem' in json ? undefined : json.raw(path);
  if (raw === undefined) return null;
  const value =
    raw.length > LARGEST_AT_ONCE_BYTES ? Buffer.from(JSON.stringify(shortDigest(raw))) : raw;
  const opened = steps.map((step) => `{${JSON.stringify(step)}:`).join('');
  return Buffer.concat([Buffer.from(opened), value, Buffer.from('}'.repeat(steps.length))]);
}

function oneField(
  received: Received,
  { body, name }: { body: Buffer; name: string },
): Buffer | null {
  const form = readForm(received, body);
  if ('problem' in form) return null;
  const values = valuesOf(form.fields, name).map((value) =>
    value.length > LARGEST_AT_ONCE_BYTES ? shortDigest(Buffer.from(value)) : value,
  );
  if (values.length === 0) return null;
  return Buffer.from(
    new URLSearchParams(values.map((value): [string, string] => [name, value])).toString(),
  );
}
