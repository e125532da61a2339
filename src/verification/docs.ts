import { IDS, INTRODUCTION, REASONS, SETUP, SIGNED_CONTENT, TYPES, WAYS } from './docs-text.ts';
import { genericAuth } from './providers/generic.ts';
import type { Scheme, SignatureLayout, SignedScheme } from './engine/scheme.ts';
import { templateWords } from './engine/template.ts';
import type { SourceTypeDefinition } from './providers/define.ts';
import { Unique, type DeliveryId } from './providers/ids/define.ts';
import { sourceTypeNames, sourceTypes } from './source-types.ts';
import { VerificationReason } from './verdict.ts';

/** The page of all source types, for docs/providers.md. */
export function providersPage(): string {
  const providers = sourceTypeNames.map((name) => [name, sourceTypes[name]] as const);
  // Padded to the widest cell, these tables would be a page wide.
  return [
    '<!-- prettier-ignore-start -->',
    INTRODUCTION,
    SETUP,
    TYPES,
    table(providers),
    WAYS,
    table(Object.entries(genericAuth)),
    IDS,
    idTable(),
    REASONS,
    Object.keys(VerificationReason)
      .map((reason) => `- \`${reason}\``)
      .join('\n'),
    SIGNED_CONTENT,
    templateTable(),
    '<!-- prettier-ignore-end -->\n',
  ].join('\n\n');
}

const WORD_MEANINGS: Readonly<Record<string, string>> = {
  body: 'the raw body',
  url: 'the URL that the sender called, or `registered_url`',
  decodedUrl: 'the same URL with its percent-encoded reserved characters decoded',
  method: 'the HTTP method in upper case',
  path: 'the path behind the source, with its slash',
  query: 'the query string, without `?`',
  pathAndQuery: 'the path and query of the URL',
  secret: 'the secret itself',
  'sha256hex(body)': 'the SHA-256 of the body in hex',
  'sha256base64(body)': 'the SHA-256 of the body in base64',
  'sha256(t.body)':
    'the SHA-256, as bytes, of the part `t` of the signature header, a dot and the body',
  sortedForm: 'the fields of a form, sorted by name',
};

const PLACE_MEANINGS: Readonly<Record<string, string>> = {
  'header:name': 'a header',
  'query:name': 'a parameter of the query',
  'form:name': 'a field of a form',
  'json:path': 'a value of a JSON body',
  'pair:name': 'a part of the signature header, such as `t` in `t=1,v1=…`',
  'field:name': 'a field of `auth`',
};

/** What may stand in braces; a word without a meaning here is listed all the same. */
function templateTable(): string {
  const words = templateWords.map((word) => row([code(word), WORD_MEANINGS[word] ?? '']));
  const places = Object.entries(PLACE_MEANINGS).map(([place, text]) => row([code(place), text]));
  return [row(['In the template', 'Replaced by']), row(['---', '---']), ...words, ...places].join(
    '\n',
  );
}

function code(word: string): string {
  return `\`{${word}}\``;
}

function table(rows: readonly (readonly [string, SourceTypeDefinition])[]): string {
  const head = [
    'Type',
    'Provider',
    'Verification',
    'Fields of `auth`',
    'Time',
    'Same delivery',
    'Handshake',
    'Unverified',
    'Notes',
  ];
  const lines = rows.map(([name, definition]) => row([`\`${name}\``, ...cells(definition)]));
  return [row(head), row(head.map(() => '---')), ...lines].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', '⏎')).join(' | ')} |`;
}

function cells(definition: SourceTypeDefinition): string[] {
  return [
    definition.label,
    `${definition.certainty === 'generic' ? '**generic**: ' : ''}${schemeText(definition.scheme)}`,
    Object.entries(definition.fields)
      .map(([field, schema]) => `\`${field}\`${schema.isOptional() ? '?' : ''}`)
      .join(' '),
    [...new Set(timeTexts(definition.scheme))].join(', '),
    idText(definition.idempotency),
    definition.handshake?.replaceAll('_', ' ') ?? '',
    definition.scheme.kind === 'none' ? '' : String(definition.unverifiedStatus),
    definition.note ?? '',
  ];
}

function idText(id: DeliveryId | null): string {
  return (id?.at ?? []).map((place) => `\`${place}\``).join(' or ');
}

/** By what each delivery is known when it comes again, and on which promise of its provider that rests. */
function idTable(): string {
  const head = ['Type', 'Id', 'Unique', 'And the same', 'What the provider says of the id'];
  const lines = sourceTypeNames.flatMap((name) => {
    const { idempotency: id } = sourceTypes[name];
    if (id === null) return [];
    const { unique, beside, promise } = id;
    const others = [
      ...beside.map((place) => (place === 'address' ? 'the address' : `\`${place}\``)),
      ...(unique === Unique.NOTHING ? ['the body'] : []),
    ];
    return [row([`\`${name}\``, idText(id), unique, others.join(', '), promise])];
  });
  return [row(head), row(head.map(() => '---')), ...lines].join('\n');
}

const PLUGIN_TEXTS: Readonly<Record<string, string>> = {
  adyen: 'HMAC-SHA256 over eight fields of every item',
  alipay: 'RSA-SHA256 over the sorted form',
  circle: 'ECDSA over the body, key fetched by id',
  ebay: 'ECDSA over the body, key fetched by id',
  'exact-online': 'HMAC-SHA256 over the raw `Content`, in `HashCode`',
  fireblocks: 'detached JWS (RS512), key set fetched',
  'form-signature': 'HMAC-SHA1 over the URL and the sorted form',
  fusionauth: 'JWT with the digest of the body',
  jwt: 'JWT',
  'microsoft-graph':
    'a shared value in every notification, and JWTs (RS256) in the body, key set fetched',
  mailgun: 'HMAC-SHA256 over timestamp and token',
  monday: 'JWT (HS256)',
  neon: 'detached JWS (Ed25519), key set fetched',
  'paddle-classic': 'RSA-SHA1 over the sorted form as PHP serialises it, in `p_signature`',
  paymob: 'HMAC-SHA512 over twenty fields, or eight of a card',
  paypal: 'RSA-SHA256 with a certificate',
  plaid: 'JWT (ES256) with the digest of the body, key fetched by id',
  pubsub: 'OIDC token (RS256)',
  sns: 'RSA with a certificate',
  treezor: 'HMAC-SHA256 over the payload as PHP writes it',
  wix: 'the body is a JWT (RS256)',
};

function schemeText(scheme: Scheme): string {
  switch (scheme.kind) {
    case 'signed':
      return signedText(scheme);
    case 'token':
      return `token in \`${scheme.place}\``;
    case 'basic':
      return 'Basic authentication';
    case 'plugin':
      return PLUGIN_TEXTS[scheme.name] ?? scheme.name;
    case 'any':
      return scheme.of.map(schemeText).join(' or ');
    case 'choice':
      return Object.entries(scheme.of)
        .map(([name, one]) => `\`${scheme.field}: ${name}\` ${schemeText(one)}`)
        .join('; ');
    case 'settings':
      return scheme.key === 'secret' ? 'HMAC as configured' : 'public key as configured';
    case 'none':
      break;
  }
  return 'none';
}

function signedText({
  algorithm,
  encoding,
  signature,
  layout,
  content,
  key,
}: SignedScheme): string {
  const keyText = key === 'utf8' || key === 'public' ? '' : `, key ${key}`;
  return `${algorithm.toUpperCase()} ${encoding} in \`${signature}${layoutText(layout)}\` over \`${content}\`${keyText}`;
}

function layoutText(layout: SignatureLayout): string {
  switch (layout.kind) {
    case 'raw':
    case 'positions':
      return '';
    case 'prefix':
    case 'list':
      return layout.prefix === '' ? '' : ` ${layout.prefix}…`;
    case 'pairs':
      return ` ${layout.signature}=…`;
    case 'numbered':
      break;
  }
  return '1…';
}

function timeTexts(scheme: Scheme): string[] {
  if (scheme.kind === 'any') return scheme.of.flatMap(timeTexts);
  if (scheme.kind === 'choice') return Object.values(scheme.of).flatMap(timeTexts);
  if (scheme.kind !== 'signed' || scheme.timestamp === undefined) return [];
  const { unit, toleranceMs } = scheme.timestamp;
  return [`${unit}, ±${(toleranceMs ?? 0) / 1000} s`];
}
