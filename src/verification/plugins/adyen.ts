import { valuesOf } from '../body/form.ts';
import { contentFamily, ContentFamily } from '../content.ts';
import { decodeStrictly } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { contentTypeOf, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { formIn } from './form-body.ts';
import { jsonIn } from './json-body.ts';
import { macMatches, type Mac } from './mac.ts';
import type { Plugin } from './plugin.ts';

const ITEM = 'notificationItems.*.NotificationRequestItem';
const SIGNATURE = 'additionalData.hmacSignature';
/** What is signed of an item, in the order in which it is. */
const FIELDS = [
  'pspReference',
  'originalReference',
  'merchantAccountCode',
  'merchantReference',
  'amount.value',
  'amount.currency',
  'eventCode',
  'success',
] as const;

/** The signed fields and the signature of each item, by their names, and the items as they were sent. */
type Items = { fields: ReadonlyMap<string, string>[]; sent: Buffer[] };

/** Adyen signs eight fields of every item; one bad item spoils the batch. Items come as JSON, or one as a form. */
export const adyen: Plugin = (settings) => ({
  verify: (received) => {
    const isForm = contentFamily(contentTypeOf(received)) === ContentFamily.FORM;
    const items = isForm ? itemOfForm(received) : itemsOfJson(received);
    if ('reason' in items) return items;
    for (const item of items.fields) {
      const text = item.get(SIGNATURE);
      if (text === undefined)
        return refused(VerificationReason.MISSING_SIGNATURE, 'no hmacSignature in an item');
      const content = FIELDS.map((field) => item.get(field) ?? '').join(':');
      const mac: Mac = {
        algorithm: 'sha256',
        content,
        signature: decodeStrictly(text, 'base64'),
        key: 'hex',
      };
      if (!macMatches(received, { secrets: settings.secrets, mac }))
        return refused(VerificationReason.WRONG_SECRET_OR_BODY);
    }
    // By all that was sent: Adyen sends an item again with more in it than before, and signs only what both have.
    return accepted({ replayKey: markOf(items.sent) });
  },
});

// A batch is the same whatever the order of its items.
function markOf(sent: readonly Buffer[]): string {
  const digests = sent.map((item) => shortDigest(item));
  return shortDigest(Buffer.from(digests.toSorted().join()));
}

function itemsOfJson(received: Received): Items | Refused {
  const names = [...FIELDS, SIGNATURE];
  const list = 'notificationItems.*';
  const json = jsonIn(received, [list, ...names.map((name) => `${ITEM}.${name}`)]);
  if ('reason' in json) return json;
  const sent = json.all(list).map(({ raw }) => raw);
  const items = sent.map(() => new Map<string, string>());
  if (items.length === 0) return refused(VerificationReason.MALFORMED, 'no notificationItems');
  for (const name of names) {
    for (const { item, text } of json.all(`${ITEM}.${name}`)) {
      if (text !== undefined) items[item]?.set(name, text);
    }
  }
  return { fields: items, sent };
}

// In a form the amount's parts have no prefix.
const FORM_NAMES: Readonly<Record<string, string>> = {
  'amount.value': 'value',
  'amount.currency': 'currency',
};

function itemOfForm(received: Received): Items | Refused {
  const form = formIn(received);
  if ('reason' in form) return form;
  const item = new Map<string, string>();
  for (const name of [...FIELDS, SIGNATURE]) {
    const values = valuesOf(form.fields, FORM_NAMES[name] ?? name);
    if (values.length > 1)
      return refused(VerificationReason.DUPLICATE_SIGNATURE, `the field ${name} stands twice`);
    if (values[0] !== undefined) item.set(name, values[0]);
  }
  return { fields: [item], sent: [received.body] };
}
