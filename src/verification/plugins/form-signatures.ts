import { createHash, createHmac } from 'node:crypto';
import { parse, stringify } from 'node:querystring';
import { contentFamily, ContentFamily } from '../content.ts';
import { decodeStrictly, sameBytes } from '../engine/decoders.ts';
import { sortedForm } from '../engine/template.ts';
import {
  activeSecrets,
  contentTypeOf,
  headerValues,
  notDecodable,
  signedBody,
  signedUrl,
  type Received,
} from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { formIn } from './form-body.ts';
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
    if ('reason' in fields) return fields;
    const url = signedUrl(received, settings.registeredUrl);
    const valid = activeSecrets(settings.secrets, { atMs: received.receivedAtMs });
    if (valid.length === 0) return refused(VerificationReason.NO_ACTIVE_SECRET);
    let matches = false;
    for (const { value } of valid) {
      for (const candidate of writingsOf(url)) {
        const expected = createHmac('sha1', value).update(candidate).update(fields.bytes).digest();
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

/** What is signed beside the URL: the fields of a form, or nothing where the URL holds the digest of the body. */
function signedFields(received: Received): { bytes: Buffer } | Refused {
  const nothing = { bytes: Buffer.alloc(0) };
  const digests = new URLSearchParams(received.rawQuery).getAll('bodySHA256');
  if (digests.length > 0) {
    const body = signedBody(received, { over: 'decoded' });
    if (body === null) return notDecodable(received);
    const actual = createHash('sha256').update(body).digest();
    const said = digests.length === 1 ? decodeStrictly(digests[0] ?? '', 'hex') : null;
    return said !== null && sameBytes(actual, said)
      ? nothing
      : notSigned('bodySHA256 in the URL is not the digest of the body');
  }
  const type = contentTypeOf(received);
  // Nothing but a form is signed in this way: where no type is given, it is one.
  const isForm = type === undefined || contentFamily(type) === ContentFamily.FORM;
  if (!isForm)
    return received.body.length === 0
      ? nothing
      : notSigned('the body is no form, and the URL holds no bodySHA256 of it');
  const form = formIn(received);
  return 'reason' in form ? form : { bytes: Buffer.from(sortedForm(form.fields), 'latin1') };
}

function notSigned(hint: string): Refused {
  return refused(VerificationReason.WRONG_SECRET_OR_BODY, hint);
}

/** The ways in which Twilio may have written the URL it signed: its own library tries them too. */
function writingsOf(url: string): Set<string> {
  // Its services do not agree on what to escape in a query, such as an apostrophe.
  const urls = URL.canParse(url) ? [url, new URL(url).href, withOldQuery(url)] : [url];
  return new Set(urls.flatMap((one) => [one, withDefaultPort(one), withoutDefaultPort(one)]));
}

function withOldQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : `${url.slice(0, mark)}?${stringify(parse(url.slice(mark + 1)))}`;
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
