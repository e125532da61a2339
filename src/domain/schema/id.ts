import { z } from 'zod';

/** An id of the kind that `prefix` names, such as `src_`. */
export function idOf(prefix: string) {
  return z
    .string()
    .regex(
      new RegExp(`^${prefix}[0-9a-z]{20,40}$`),
      `must be a whole id: ${prefix} and 20 to 40 letters or digits`,
    );
}

export const projectId = idOf('tm_');
export const sourceId = idOf('src_');
export const destinationId = idOf('des_');
export const connectionId = idOf('web_');
export const requestId = idOf('req_');
export const eventId = idOf('evt_');
export const attemptId = idOf('atm_');
export const eventDataId = idOf('edt_');
export const transformationId = idOf('trs_');
