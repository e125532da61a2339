import { z } from 'zod';
import { withDoubles } from '../numbers/exact-number.ts';
import { projectId, sourceId } from './id.ts';
import { description, name, payloadPath, time } from './text.ts';

const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'OPTIONS'] as const;

/** What a source takes when it names no methods. */
export const DEFAULT_HTTP_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;

const customResponse = z.strictObject({
  content_type: z.enum(['json', 'text', 'xml']).describe('The content type of the response.'),
  body: z
    .string()
    .max(1000, 'must be at most 1000 characters long')
    .describe('The body of the response.'),
});

/** What the bodies of a source have to be like; the schema itself is looked at by the port `validateSourceConfig`. */
const bodySchema = z.strictObject({
  json_schema: z
    .union([z.record(z.string(), z.unknown()), z.boolean()], 'must be a JSON Schema')
    .describe(
      'JSON Schema draft-07, 2019-09 or 2020-12, at most 64 kB, patterns in the syntax of RE2',
    ),
  mode: z
    .enum(['reject', 'warn'])
    .describe('reject: a violation is kept and goes no further; warn: it is only marked'),
});

/** How a source takes requests in. Its type may ask for more: see the port `validateSourceConfig`. */
export const sourceConfig = z
  .strictObject({
    allowed_http_methods: z
      .array(z.enum(HTTP_METHODS))
      .min(1, 'must name a method')
      .nullable()
      .optional()
      .describe('The methods that are accepted: POST, PUT, PATCH and DELETE if left out.'),
    custom_response: customResponse
      .nullable()
      .optional()
      .describe('What accepted requests are answered, instead of the acknowledgement.'),
    auth_type: z
      .string()
      .max(64)
      .nullable()
      .optional()
      .describe('How requests are verified; only for the types WEBHOOK and HTTP.'),
    auth: z
      .record(z.string(), z.unknown())
      .overwrite(withDoubles)
      .nullable()
      .optional()
      .describe(
        'What verifies requests: its fields depend on the type of the source, or on auth_type. It is shown only for `?include=config.auth`.',
      ),
    unverified_status: z
      .union([z.literal(200), z.literal(401)], 'must be 200 or 401')
      .nullable()
      .optional()
      .describe(
        'What a request that fails verification is answered: as its provider needs it if left out.',
      ),
    idempotency_key: z
      .union([payloadPath, z.literal(false)])
      .nullable()
      .optional()
      .describe(
        'Where a request carries the id that makes a repeat a repeat, such as body.id: where its provider puts it if left out. false accepts repeats too.',
      ),
    schema: bodySchema.nullable().optional().describe('What bodies have to be like.'),
  })
  .meta({ id: 'SourceConfig', description: 'How a source accepts requests.' });
export type SourceConfig = z.infer<typeof sourceConfig>;

export const source = z
  .strictObject({
    id: sourceId,
    name,
    description,
    team_id: projectId,
    url: z.url().describe('The URL that senders call; a path and a query may follow.'),
    type: z.string().describe('Who sends the requests.'),
    authenticated: z
      .boolean()
      .describe('Whether the source has credentials, so that requests are verified.'),
    config: sourceConfig.describe('How it accepts requests.'),
    setup_until: time
      .nullable()
      .optional()
      .describe(
        'Until when a handshake of the provider may hand over the secret (Asana, Clio, Notion); null: it may not',
      ),
    disabled_at: time.nullable(),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'Source', description: 'An address that accepts requests.' });
export type Source = z.infer<typeof source>;

const fields = z.strictObject({
  name,
  description: description.optional(),
  type: z
    .string()
    .max(64)
    .optional()
    .describe('Who sends the requests, which says how they are verified; WEBHOOK if left out.'),
  config: sourceConfig.optional().describe('How it accepts requests.'),
});

/** A new source, or one to make or change by its name. */
export const sourceInput = fields.meta({ id: 'SourceInput', description: 'A new source.' });

/** How long a provider's handshake may hand over the secret of a source that has none. */
export const sourceSetup = z
  .strictObject({
    minutes: z
      .int()
      .min(1, 'must be 1 or more')
      .max(1440, 'must be at most 1440 (a day)')
      .describe('How long the window stays open.'),
  })
  .meta({ id: 'SourceSetup', description: 'How long a handshake may hand over the secret.' });

export const sourceUpdate = fields
  .partial()
  .meta({ id: 'SourceUpdate', description: 'Changes to a source.' });
export type SourceUpdate = z.infer<typeof sourceUpdate>;
