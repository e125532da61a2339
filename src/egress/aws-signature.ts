import { createHash } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import type { Header } from '../domain/outcome.ts';
import type { OutgoingRequest } from './send.ts';

export type AwsCredentials = {
  access_key_id: string;
  secret_access_key: string;
  region: string;
  service: string;
};

const WRITTEN_HERE = new Set([
  'authorization',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
]);

/** The request signed with AWS Signature Version 4, its body and every `x-amz-` header included. */
export async function awsSigned(
  request: OutgoingRequest,
  credentials: AwsCredentials,
): Promise<OutgoingRequest> {
  const others = request.headers.filter(([name]) => !WRITTEN_HERE.has(name.toLowerCase()));
  const signer = new AwsV4Signer({
    url: request.url,
    method: request.method,
    headers: [
      ...others.filter(([name]) => name.toLowerCase().startsWith('x-amz-')),
      ['x-amz-content-sha256', createHash('sha256').update(request.body).digest('hex')],
    ],
    accessKeyId: credentials.access_key_id,
    secretAccessKey: credentials.secret_access_key,
    region: credentials.region,
    service: credentials.service,
  });
  const signed = await signer.sign();
  const written: Header[] = [];
  for (const [name, value] of signed.headers) {
    if (WRITTEN_HERE.has(name)) written.push([name, value]);
  }
  return { ...request, headers: [...others, ...written] };
}
