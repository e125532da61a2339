import { createHmac, randomBytes } from 'node:crypto';
import { compileVerifier } from '../src/verification/compile.ts';
import type { Received } from '../src/verification/received.ts';
import type { SourceType } from '../src/verification/source-types.ts';

const ROUNDS = 30_000;
const secret = 'a-secret-of-some-length';
const body = Buffer.from(
  JSON.stringify({ id: 'evt_1', filler: randomBytes(384).toString('hex') }).padEnd(1023, ' ') +
    '\n',
);
const nowMs = Date.now();
const seconds = Math.floor(nowMs / 1000);
const mac = (content: string) => createHmac('sha256', secret).update(content).update(body);

// What senders add around the one header that matters.
const USUAL: [string, string][] = [
  ['Host', 'hooks.example.com'],
  ['User-Agent', 'bench/1.0'],
  ['Content-Type', 'application/json'],
  ['Content-Length', String(body.length)],
  ['Accept', '*/*'],
  ['Accept-Encoding', 'gzip'],
];

function request(headers: [string, string][]): Received {
  return {
    method: 'POST',
    url: 'https://hooks.example.com/in/src_1',
    path: '/in/src_1',
    rawQuery: '',
    headers: [...USUAL, ...headers],
    body,
    receivedAtMs: nowMs,
  };
}

const CASES: Record<string, [SourceType, Received]> = {
  github: [
    'GITHUB',
    request([
      ['X-Hub-Signature-256', `sha256=${mac('').digest('hex')}`],
      ['X-GitHub-Delivery', 'd-1'],
    ]),
  ],
  stripe: [
    'STRIPE',
    request([['Stripe-Signature', `t=${seconds},v1=${mac(`${seconds}.`).digest('hex')}`]]),
  ],
  shopify: ['SHOPIFY', request([['X-Shopify-Hmac-Sha256', mac('').digest('base64')]])],
  refused: ['GITHUB', request([['X-Hub-Signature-256', `sha256=${'0'.repeat(64)}`]])],
};

/** Microseconds of CPU for one verification, best of five rounds: the machine may be doing something else. */
function measure(type: SourceType, received: Received): number {
  const verifier = compileVerifier(type, { auth: { webhook_secret_key: secret } });
  if (verifier === null) throw new Error(`${type} has nothing to verify`);
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = process.threadCpuUsage();
    for (let count = 0; count < ROUNDS / 5; count++) verifier.verify(received);
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / (ROUNDS / 5));
  }
  return Math.round(best * 10) / 10;
}

const micros = Object.fromEntries(
  Object.entries(CASES).map(([name, [type, received]]) => [`${name}_us`, measure(type, received)]),
);
process.stdout.write(
  `${JSON.stringify({ bench: 'verification', body_bytes: body.length, ...micros, target_us: 50 })}\n`,
);
