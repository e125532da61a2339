import { X509Certificate } from 'node:crypto';
import { refused, VerificationReason, type Refused } from './verdict.ts';
import type { FetchDocument, FetchOptions, Keys } from './verifier.ts';

const MAX_BYTES = 65_536;
const TIMEOUT_MS = 1_000;
const KEEP_FOR_MS = 3_600_000;
const REFETCH_AFTER_MS = 60_000;
// For so long the last document serves where its server is away: what a key signed is no less genuine for that.
const STALE_MS = 24 * 3_600_000;
// Short, because a key server's hiccup must not refuse everything that arrives meanwhile.
const RETRY_AFTER_MS = 2_000;
const MOST_ENTRIES = 1_000;

type Entry = {
  fetchedAtMs: number;
  keepForMs: number;
  document: Promise<Buffer | Refused>;
  /** The document once it is here, parsed when first asked for. */
  got?: Buffer;
  parsed?: { value: unknown } | Refused;
  /** The one before, for as long as there is no other. */
  before?: Entry;
};

/**
 * Fetches certificates and key sets once and keeps them for an hour; a failure is kept for two seconds, and covered by
 * the document before it.
 */
export function createKeys({
  fetchDocument,
  now = Date.now,
}: {
  fetchDocument: FetchDocument;
  now?: () => number;
}): Keys {
  const entries = new Map<string, Entry>();

  const load = (
    url: string,
    { fresh, fetch, keepForMs = KEEP_FOR_MS }: NonNullable<Parameters<Keys['json']>[1]>,
  ) => {
    const id = idOf(url, fetch);
    const known = entries.get(id);
    const ageMs = known === undefined ? Infinity : now() - known.fetchedAtMs;
    if (known !== undefined && ageMs < (fresh === true ? REFETCH_AFTER_MS : known.keepForMs))
      return known;
    const document = download(fetchDocument, { url, fetch });
    const good = known?.got === undefined ? known?.before : known;
    const entry: Entry = { fetchedAtMs: now(), keepForMs, document, ...(good && { before: good }) };
    entries.delete(id);
    entries.set(id, entry);
    void document.then((got) => {
      if (Buffer.isBuffer(got)) {
        entry.got = got;
        delete entry.before;
      } else entry.keepForMs = RETRY_AFTER_MS;
    });
    // The oldest goes first: a sender who names ever new keys fills nothing but its own place.
    if (entries.size > MOST_ENTRIES) entries.delete(entries.keys().next().value ?? '');
    return entry;
  };

  return {
    certificate: async (url) => {
      const entry = load(url, {});
      const got = await documentOf(entry, now());
      if (!Buffer.isBuffer(got)) return gone(got);
      const certificate = readCertificate(got.toString('latin1'), now());
      if ('reason' in certificate) entry.keepForMs = RETRY_AFTER_MS;
      return certificate;
    },
    json: async (url, options = {}) => {
      const entry = load(url, options);
      // Asked anew for a key that the last document has not: only a new one can answer that.
      const got = options.fresh ? await entry.document : await documentOf(entry, now());
      if (!Buffer.isBuffer(got)) return got;
      const from = got === entry.before?.got ? entry.before : entry;
      const parsed = (from.parsed ??= parse(got));
      // A page in place of a document is a fault of the moment.
      if ('reason' in parsed) entry.keepForMs = RETRY_AFTER_MS;
      return parsed;
    },
    known: (url) => {
      const entry = entries.get(idOf(url));
      if (entry?.got === undefined || now() - entry.fetchedAtMs >= entry.keepForMs)
        return undefined;
      const parsed = (entry.parsed ??= parse(entry.got));
      return 'reason' in parsed ? undefined : parsed;
    },
  };
}

/** The document of an entry; while its server is away, the one before it. */
async function documentOf(entry: Entry, nowMs: number): Promise<Buffer | Refused> {
  const got = await entry.document;
  const { before } = entry;
  const isAway = !Buffer.isBuffer(got) && got.reason === VerificationReason.KEY_UNAVAILABLE;
  const serves = before?.got !== undefined && nowMs - before.fetchedAtMs < STALE_MS;
  return isAway && serves ? before.got! : got;
}

type Fetch = Pick<FetchOptions, 'method' | 'headers' | 'body'>;

function idOf(url: string, fetch?: Fetch): string {
  return JSON.stringify([url, fetch ?? null]);
}

function parse(document: Buffer): { value: unknown } | Refused {
  try {
    return { value: JSON.parse(document.toString('utf8')) as unknown };
  } catch {
    return refused(VerificationReason.KEY_UNAVAILABLE, 'the key document is not JSON');
  }
}

async function download(
  fetchDocument: FetchDocument,
  { url, fetch }: { url: string; fetch: Fetch | undefined },
): Promise<Buffer | Refused> {
  try {
    const { status, body } = await fetchDocument(url, {
      ...fetch,
      maxBytes: MAX_BYTES,
      timeoutMs: TIMEOUT_MS,
    });
    if (body.length > MAX_BYTES)
      return refused(VerificationReason.KEY_UNAVAILABLE, 'the key document is too large');
    if (status === 404 || status === 410)
      return refused(VerificationReason.KEY_NOT_FOUND, 'the provider does not know this key');
    return status === 200 ? body : unavailable(url, `answered ${status}`);
  } catch {
    return unavailable(url, 'could not be reached');
  }
}

function unavailable(url: string, what: string): Refused {
  const server = URL.canParse(url) ? `the key server ${new URL(url).host}` : 'the key server';
  return refused(VerificationReason.KEY_UNAVAILABLE, `${server} ${what}`);
}

/** A certificate that its server will not give out is none: names of others can be made up without end. */
function gone(got: Refused): Refused {
  return /answered 4(?!08|25|29)/.test(got.hint ?? '')
    ? refused(VerificationReason.KEY_NOT_FOUND, 'the provider does not know this key')
    : got;
}

function readCertificate(pem: string, nowMs: number): { pem: string } | Refused {
  try {
    const certificate = new X509Certificate(pem);
    return nowMs >= Date.parse(certificate.validFrom) && nowMs <= Date.parse(certificate.validTo)
      ? { pem }
      : refused(VerificationReason.UNTRUSTED_KEY_URL, 'the certificate is not valid now');
  } catch {
    return refused(VerificationReason.KEY_UNAVAILABLE, 'the document is not a certificate');
  }
}
