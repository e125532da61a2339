import { verify, type KeyObject } from 'node:crypto';
import type { FormField } from '../body/form.ts';
import { decodeStrictly } from '../engine/decoders.ts';
import { publicKeyIn } from '../engine/key.ts';
import { activeSecrets } from '../received.ts';
import { accepted, refused, VerificationReason } from '../verdict.ts';
import { formIn } from './form-body.ts';
import type { Plugin } from './plugin.ts';

/** Alipay signs the form's fields, sorted and joined, with RSA-SHA256, in the charset it sent them in. */
export const alipay: Plugin = (settings) => ({
  verify: (received) => {
    const form = formIn(received);
    if ('reason' in form) return form;
    const { fields } = form;
    const given = fields.filter((field) => isNamed(field, 'sign'));
    if (given.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (given[0] === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no form field sign');
    if (textOf(fields, 'sign_type') !== 'RSA2')
      return refused(VerificationReason.WRONG_ALGORITHM, 'sign_type is not RSA2');
    const signature = decodeStrictly(given[0].value.toString('latin1'), 'base64');
    if (signature === null) return refused(VerificationReason.MALFORMED, 'sign is not base64');
    const content = contentOf(fields);
    const valid = activeSecrets(settings.secrets, { atMs: received.receivedAtMs }).some(
      ({ value }) => verify('sha256', content, publicKey(value), signature),
    );
    return valid
      ? accepted({ replayKey: textOf(fields, 'notify_id') })
      : refused(VerificationReason.WRONG_SECRET_OR_BODY);
  },
});

function isNamed({ name }: FormField, wanted: string): boolean {
  return name.toString('latin1') === wanted;
}

function textOf(fields: readonly FormField[], name: string): string | undefined {
  return fields.find((field) => isNamed(field, name))?.value.toString('utf8');
}

// As bytes, one character each: they may be in any charset.
function contentOf(fields: readonly FormField[]): Buffer {
  const pairs = fields
    .filter((field) => !isNamed(field, 'sign') && !isNamed(field, 'sign_type'))
    .filter(({ value }) => value.length > 0)
    .map(({ name, value }) => `${name.toString('latin1')}=${value.toString('latin1')}`);
  return Buffer.from(pairs.toSorted().join('&'), 'latin1');
}

function publicKey(value: string): KeyObject {
  const key = publicKeyIn(value);
  if (key === null) throw new Error('not a public key');
  return key;
}
