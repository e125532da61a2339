import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TOLERANCE_SECONDS = 300;

/** Whether a delivery was signed with this secret, within the last five minutes. `body`: the bytes as they came. */
export function verify({ secret, headers, body }) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  const ageSeconds = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (id === '' || !/^\d+$/.test(timestamp) || ageSeconds > TOLERANCE_SECONDS) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // There are several signatures while a secret is being replaced; one that fits is enough.
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const [version, value = ''] = signature.split(',');
    const given = Buffer.from(value, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

// From the command line:  node verify.mjs <secret> <webhook-id> <webhook-timestamp> "<webhook-signature>" < body
if (process.argv[1]?.endsWith('verify.mjs')) {
  const [secret, id, timestamp, signature] = process.argv.slice(2);
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  };
  const isValid = verify({ secret, headers, body: readFileSync(0) });
  console.log(isValid ? 'valid' : 'forged');
  process.exitCode = isValid ? 0 : 1;
}
