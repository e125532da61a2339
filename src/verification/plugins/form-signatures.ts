import { isUtf8 } from 'node:buffer';
import { createHash, createHmac } from 'node:crypto';
import { decodeStrictly, sameBytes } from '../engine/decoders.ts';
import { sortedForm } from '../engine/template.ts';
import {
  activeSecrets,
  headerValues,
  signedUrl,
  singleHeader,
  type Received,
} from '../received.ts';
import { accepted, refused, VerificationReason } from '../verdict.ts';
import type { Plugin } from './plugin.ts';

/**
 * Twilio and Mailchimp Transactional: HMAC-SHA1 over the registered URL followed by the form's fields. Twilio
 * signs JSON by putting the digest of the body into the URL. A default port may have been signed or not.
 */
export const formSignature: Plugin = (settings) => ({
  verify: (received) => {
    const name = settings.options['header'] ?? 'x-twilio-signature';
    const values = headerValues(received, { name });
    if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (values[0] === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, `no header ${name}`);
    const signature = decodeStrictly(values[0], 'base64');
    if (signature === null)
      return refused(VerificationReason.MALFORMED, 'the signature is not base64');
    const fields = signedFields(received);
    if (fields === null)
      return refused(
        VerificationReason.WRONG_SECRET_OR_BODY,
        'bodySHA256 in the URL is not the digest of the body',
      );
    const url = signedUrl(received, settings.registeredUrl);
    const valid = activeSecrets(settings.secrets, { atMs: received.receivedAtMs });
    if (valid.length === 0) return refused(VerificationReason.NO_ACTIVE_SECRET);
    let matches = false;
    for (const { value } of valid) {
      for (const candidate of [url, withDefaultPort(url), withoutDefaultPort(url)]) {
        const expected = createHmac('sha1', value)
          .update(candidate + fields)
          .digest();
        matches = sameBytes(expected, signature) || matches;
      }
    }
    return matches
      ? accepted()
      : refused(
          VerificationReason.WRONG_SECRET_OR_BODY,
          'check that the URL registered at the provider is this one, byte for byte',
        );
  },
});

function signedFields(received: Received): string | null {
  const digests = new URLSearchParams(received.rawQuery).getAll('bodySHA256');
  if (digests.length > 0) {
    const actual = createHash('sha256').update(received.body).digest();
    const said = digests.length === 1 ? decodeStrictly(digests[0] ?? '', 'hex') : null;
    return said !== null && sameBytes(actual, said) ? '' : null;
  }
  const isForm = singleHeader(received, 'content-type')
    ?.toLowerCase()
    .startsWith('application/x-www-form-urlencoded');
  if (isForm !== true) return received.body.length === 0 ? '' : null;
  // Two broken encodings would read as the same text, and so as the same signature.
  return isUtf8(received.body) ? sortedForm(received.body) : null;
}

function withDefaultPort(url: string): string {
  const port = url.startsWith('https:') ? '443' : '80';
  return url.replace(/^(https?:\/\/[^/?#:]+)(?=[/?#]|$)/, `$1:${port}`);
}

function withoutDefaultPort(url: string): string {
  return url.replace(
    /^(https:\/\/[^/?#:]+):443(?=[/?#]|$)|^(http:\/\/[^/?#:]+):80(?=[/?#]|$)/,
    '$1$2',
  );
}
