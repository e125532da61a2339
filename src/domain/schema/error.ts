import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors.ts';

/** What the API answers when it refuses: `data` lists the wrong fields of a 422, or names the thing in question. */
export const errorBody = z
  .strictObject({
    code: z
      .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
      .describe('The kind of error, for machines.'),
    status: z.int().describe('The HTTP status.'),
    message: z.string().describe('What is wrong and what to do, for people.'),
    data: z
      .unknown()
      .describe(
        'For a 422 a sentence for each wrong field; otherwise what the error is about, or null.',
      ),
  })
  .meta({ id: 'Error', description: 'An error.' });
export type ErrorBody = z.infer<typeof errorBody>;
