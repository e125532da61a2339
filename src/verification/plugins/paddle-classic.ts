import { verify } from 'node:crypto';
import type { FormField } from '../body/form.ts';
import { decodeStrictly } from '../engine/decoders.ts';
import { publicKeyIn } from '../engine/key.ts';
import { activeSecrets } from '../received.ts';
import { accepted, refused, VerificationReason } from '../verdict.ts';
import { formIn } from './form-body.ts';
import type { Plugin } from './plugin.ts';

const SIGNATURE = 'p_signature';

/** Paddle Classic signs the other fields of its form, sorted and written as PHP serialises them, with RSA-SHA1. */
export const paddleClassic: Plugin = (settings) => ({
  verify: (received) => {
    const form = formIn(received);
    if ('reason' in form) return form;
    const fields = new Map<string, Buffer>();
    for (const { name, value } of form.fields) {
      const key = name.toString('latin1');
      if (fields.has(key))
        return refused(VerificationReason.DUPLICATE_SIGNATURE, 'a field stands twice');
      fields.set(key, value);
    }
    const given = fields.get(SIGNATURE);
    if (given === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, `no form field ${SIGNATURE}`);
    const signature = decodeStrictly(given.toString('latin1'), 'base64');
    if (signature === null)
      return refused(VerificationReason.MALFORMED, `${SIGNATURE} is not base64`);
    fields.delete(SIGNATURE);
    const content = serialised(fields);
    const valid = activeSecrets(settings.secrets, { atMs: received.receivedAtMs }).some(
      ({ value }) => {
        const key = publicKeyIn(value);
        return key !== null && verify('sha1', content, key, signature);
      },
    );
    return valid ? accepted() : refused(VerificationReason.WRONG_SECRET_OR_BODY);
  },
});

// Lengths are those of the bytes.
function serialised(fields: ReadonlyMap<string, FormField['value']>): Buffer {
  const names = [...fields.keys()].toSorted();
  const text = (value: string) => `s:${value.length}:"${value}";`;
  const pairs = names.map((name) => text(name) + text(fields.get(name)?.toString('latin1') ?? ''));
  return Buffer.from(`a:${names.length}:{${pairs.join('')}}`, 'latin1');
}
