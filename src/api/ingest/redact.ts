import type { NewRequest } from '../../db/requests.ts';
import { REDACTED } from '../../domain/shown-value.ts';

/** A request without a secret that it carried: what is stored of it can be read by whoever may read requests. */
export function withoutSecret(request: NewRequest, secret: string): NewRequest {
  const headers = request.headers.map(([name, value]): [string, string] => [
    name,
    value.replaceAll(secret, REDACTED),
  ]);
  const inHeaders = headers.some(([, value], i) => value !== request.headers[i]![1]);
  // Byte for byte: the rest of the body may be anything.
  const wanted = Buffer.from(secret).toString('latin1');
  const text = request.body.toString('latin1');
  if (text.includes(wanted)) {
    return { ...request, headers, body: Buffer.from(text.replaceAll(wanted, REDACTED), 'latin1') };
  }
  // Where the body wrote it in another way, nothing of it is kept.
  return { ...request, headers, body: inHeaders ? request.body : Buffer.from(REDACTED) };
}
