import type { Request } from 'express';
import { GatewayError } from '../domain/errors.ts';
import type { Authenticate, Identity } from './auth.ts';
import { callerOf } from './edge/caller.ts';

/** Who asks. Throws a 401 where the key is none, and a 429 where its address came with too many wrong ones. */
export async function identify(authenticate: Authenticate, request: Request): Promise<Identity> {
  const { address } = callerOf(request);
  const identity = await authenticate(request.headers.authorization, address);
  if (identity === 'exhausted') {
    const message =
      'Too many wrong API keys came from this address. Correct the key and try again.';
    throw new GatewayError('TOO_MANY_REQUESTS', message);
  }
  if (identity === null) throw new GatewayError('UNAUTHORIZED', 'Unauthorized');
  return identity;
}
