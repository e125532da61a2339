import { z } from 'zod';
import { parseKeyPath } from '../payload-path.ts';

/** A name people give: it stands in URLs and in `source -> connection`. */
export const name = z
  .string()
  .min(1, 'must not be empty')
  .max(155, 'must be at most 155 characters long')
  .regex(/^[A-Za-z0-9_-]*$/, 'must hold letters, digits, - and _ only');

export const description = z.string().max(500, 'must be at most 500 characters long').nullable();

/** A moment in UTC, ISO 8601 with milliseconds. */
export const time = z.iso.datetime();

/** A place in a request: `headers.x-tenant`, `body.order.id`, `query.a`, `path`. */
export const payloadPath = z.string().superRefine((text, context) => {
  const parsed = parseKeyPath(text);
  if ('error' in parsed) context.addIssue({ code: 'custom', message: parsed.error });
});
