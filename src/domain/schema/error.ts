import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors.ts';

/** What the API answers when it refuses: `data` lists the wrong fields of a 422, or names the thing in question. */
export const errorBody = z
  .strictObject({
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    status: z.int(),
    message: z.string(),
    data: z.unknown(),
  })
  .meta({ id: 'Error' });
export type ErrorBody = z.infer<typeof errorBody>;
