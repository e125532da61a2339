import { genericAuth } from './providers/generic.ts';
import type { Scheme, SignatureLayout, SignedScheme } from './engine/scheme.ts';
import { templateWords } from './engine/template.ts';
import type { SourceTypeDefinition } from './providers/define.ts';
import { Unique, type DeliveryId } from './providers/ids/define.ts';
import { sourceTypeNames, sourceTypes } from './source-types.ts';
import { VerificationReason } from './verdict.ts';

const INTRODUCTION = `# Source types

Generated from the tables the gateway verifies with; change those, not this page.

A source's type says how its requests are verified, what the provider asks before it sends anything, what it wants
to hear, and which of its ids makes a delivery the same delivery again. Without \`auth\` nothing is verified.
**Generic** means that the provider's scheme is not known for certain: say it yourself with \`header_key\`,
\`algorithm\`, \`encoding\`, \`signed_content\`, and what else the provider's page names.

Every type that verifies also takes \`tolerance_seconds\` (how far clock and retries may be off, 0 for no limit; for
a JWT the leeway of its times, 0 for none), \`replay_protection\`, \`previous_secrets\` (secrets that stay valid until their \`not_after\`), and, where the URL is
signed, \`registered_url\`. A request that is not verified is kept, with its reason, and answered as the last column
says; \`unverified_status\` chooses otherwise.`;

const IDS = `A request is a repeat where its id is the same, and what the id stands for. Where the provider does not promise
that an id is unique, the body has to be the same too. Where a request may hold several events (\`*\`), it is a repeat
where it holds the same ones. What changes when a delivery is sent again, such as a count of attempts, never counts.`;

/** The page of all source types, for docs/providers.md. */
export function providersPage(): string {
  const providers = sourceTypeNames.map((name) => [name, sourceTypes[name]] as const);
  // Padded to the widest cell, these tables would be a page wide.
  return [
    '<!-- prettier-ignore-start -->',
    INTRODUCTION,
    '## Ways of verifying for `WEBHOOK` and `HTTP`',
    'Chosen with `auth_type`. `WEBHOOK` also takes the name of any type below.',
    table(Object.entries(genericAuth)),
    '## Types',
    table(providers),
    '## The same delivery',
    IDS,
    idTable(),
    '## Signed content',
    `A template. Words in braces are replaced: ${templateWords.map(code).join(', ')}, and \`{header:name}\`, \`{query:name}\`, \`{form:name}\`, \`{json:path}\`, \`{pair:name}\` (a part of the signature header), \`{field:name}\` (a field of \`auth\`).`,
    '## Reasons',
    'A request that is not verified says why, and where a cheap test could tell, which common mistake it was.',
    Object.keys(VerificationReason)
      .map((reason) => `- \`${reason}\``)
      .join('\n'),
    '<!-- prettier-ignore-end -->\n',
  ].join('\n\n');
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
