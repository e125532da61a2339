import { z } from 'zod';
import { withDoubles } from '../numbers/exact-number.ts';
import { projectId, sourceId } from './id.ts';
import { description, name, payloadPath, time } from './text.ts';

const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'OPTIONS'] as const;

/** What a source takes when it names no methods. */
export const DEFAULT_HTTP_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;

const customResponse = z.strictObject({
  content_type: z.enum(['json', 'text', 'xml']),
  body: z.string().max(1000, 'must be at most 1000 characters long'),
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
      .optional(),
    custom_response: customResponse.nullable().optional(),
    auth_type: z.string().max(64).nullable().optional(),
    /** Write-only, but for `?include=config.auth`. */
    auth: z.record(z.string(), z.unknown()).overwrite(withDoubles).nullable().optional(),
    /** What a request that is not verified is answered; absent: as its provider wants it. */
    unverified_status: z
      .union([z.literal(200), z.literal(401)], 'must be 200 or 401')
      .nullable()
      .optional(),
    /** Where a request carries the sender's own id: a repeat of it is answered with the first request's id. */
    idempotency_key: z
      .union([payloadPath, z.literal(false)])
      .nullable()
      .optional()
      .describe('Absent: where the type’s provider puts its id; false: repeats are taken too'),
    schema: bodySchema.nullable().optional(),
  })
  .meta({ id: 'SourceConfig' });
export type SourceConfig = z.infer<typeof sourceConfig>;

export const source = z
  .strictObject({
    id: sourceId,
    name,
    description,
    team_id: projectId,
    url: z.url(),
    type: z.string(),
    authenticated: z.boolean(),
    config: sourceConfig,
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
  .meta({ id: 'Source' });
export type Source = z.infer<typeof source>;

const fields = z.strictObject({
  name,
  description: description.optional(),
  type: z.string().max(64).optional(),
  config: sourceConfig.optional(),
});

/** A new source, or one to make or change by its name. */
export const sourceInput = fields.meta({ id: 'SourceInput' });

/** How long a provider's handshake may hand over the secret of a source that has none. */
export const sourceSetup = z
  .strictObject({
    minutes: z.int().min(1, 'must be 1 or more').max(1440, 'must be at most 1440 (a day)'),
  })
  .meta({ id: 'SourceSetup' });

export const sourceUpdate = fields.partial().meta({ id: 'SourceUpdate' });
export type SourceUpdate = z.infer<typeof sourceUpdate>;
