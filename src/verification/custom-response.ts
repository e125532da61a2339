import { z } from 'zod';

/** The longest body a source may answer with. */
export const LONGEST_ANSWER_BYTES = 32_768;

export const ANSWER_CONTENT_TYPES = {
  json: 'application/json',
  text: 'text/plain',
  xml: 'application/xml',
} as const;

/** What a source answers instead of the gateway's own words. */
export const customResponseSchema = z
  .strictObject({
    content_type: z.enum(['json', 'text', 'xml']),
    body: z.string().refine((text) => Buffer.byteLength(text) <= LONGEST_ANSWER_BYTES, {
      message: `must not be longer than ${LONGEST_ANSWER_BYTES} bytes`,
    }),
  })
  .refine(({ content_type: type, body }) => type !== 'json' || isJson(body), {
    message: 'must be JSON, as its content type says',
    path: ['body'],
  });

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
