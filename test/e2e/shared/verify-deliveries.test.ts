import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReceiver } from '../../support/receiver.ts';
import { blocksOf } from '../../support/recipe-page.ts';
import { recipePage } from '../../support/recipe.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';

type Language = {
  language: string;
  file: string;
  /** Succeeds where the language is installed. */
  probe: string[];
  /** Makes a program of the file, where that is not done by running it. */
  build?: string[];
  run: string[];
};

const LANGUAGES: Language[] = [
  {
    language: 'js',
    file: 'verify.mjs',
    probe: ['node', '--version'],
    run: ['node', 'verify.mjs'],
  },
  {
    language: 'python',
    file: 'verify.py',
    probe: ['python3', '--version'],
    run: ['python3', 'verify.py'],
  },
  {
    language: 'go',
    file: 'verify.go',
    probe: ['go', 'version'],
    build: ['go', 'build', '-o', 'verify-go', 'verify.go'],
    run: ['./verify-go'],
  },
  { language: 'ruby', file: 'verify.rb', probe: ['ruby', '--version'], run: ['ruby', 'verify.rb'] },
  { language: 'php', file: 'verify.php', probe: ['php', '--version'], run: ['php', 'verify.php'] },
  {
    language: 'java',
    file: 'Verify.java',
    probe: ['javac', '--version'],
    build: ['javac', 'Verify.java'],
    run: ['java', 'Verify'],
  },
];
/** .ci/run installs these. */
const ALWAYS = ['js', 'python'];

const folder = mkdtempSync(join(tmpdir(), 'sluice-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run([program = '', ...args]: string[], input?: Buffer) {
  return spawnSync(program, args, { cwd: folder, ...(input && { input }) });
}

const installed = LANGUAGES.filter(({ probe }) => run(probe).status === 0);
const missing = LANGUAGES.filter((one) => !installed.includes(one));

const { admin } = sharedGateway();
const receiver = await startReceiver();
const codeOnPage = new Map(
  blocksOf(recipePage('verify-deliveries.md')).map(({ language, code }) => [language, code]),
);

/** What a program is given: a delivery, and the secret of its destination. */
type Delivery = { secret: string; id: string; timestamp: string; signature: string; body: Buffer };
let delivery: Delivery;

beforeAll(async () => {
  const name = 'verified-in-six-languages';
  const { destinationId } = await admin.define({ name, url: receiver.url(name) });
  // Bytes that are neither ASCII nor UTF-8 show whether a program leaves them alone.
  const text = Buffer.from('{"name":"Zoë","price":1.10,"latin1":"');
  await admin.post(name, Buffer.concat([text, Buffer.from([0xe9, 0x0a]), Buffer.from('"}')]));
  const { headers, body } = await receiver.nth(name, 1);
  delivery = {
    secret: await secretOf(destinationId),
    id: headers['webhook-id']!,
    timestamp: headers['webhook-timestamp']!,
    signature: headers['webhook-signature']!,
    body,
  };
});

/** The newest secret of a destination. */
async function secretOf(destinationId: string): Promise<string> {
  const [newest] = await admin.models(`/destinations/${destinationId}/signing-secrets`);
  return newest['secret'];
}

function verdictOf(one: Language, { secret, id, timestamp, signature, body }: Delivery): string {
  const words = [...one.run, secret, id, timestamp, signature];
  const { stdout, stderr, status } = run(words, body);
  const said = stdout.toString().trim();
  return status === (said === 'valid' ? 0 : 1) ? said : `${status} ${said} ${stderr.toString()}`;
}

/** A delivery that is signed rightly, at another time. */
function signedAgo(seconds: number): Delivery {
  const { secret, id } = delivery;
  const at = new Date(Date.now() - seconds * 1000);
  const body = Buffer.from('{}');
  const signature = new Webhook(secret).sign(id, at, '{}');
  return { secret, id, timestamp: String(Math.floor(at.getTime() / 1000)), signature, body };
}

describe.each(installed)('the receiver code in $language', (one) => {
  beforeAll(() => {
    writeFileSync(join(folder, one.file), codeOnPage.get(one.language)!);
    const built = one.build && run(one.build);
    if (built?.status) throw new Error(built.stderr.toString());
  });

  test('takes a delivery of the gateway, also beside the signature by another secret', () => {
    const other = `v1,${Buffer.alloc(32).toString('base64')}`;
    const signature = `${other} ${delivery.signature}`;
    expect(verdictOf(one, delivery)).toBe('valid');
    expect(verdictOf(one, { ...delivery, signature })).toBe('valid');
    expect(verdictOf(one, signedAgo(240))).toBe('valid');
  });

  test('refuses what was changed, signed by others, or sent long ago', () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const timestamp = String(Number(delivery.timestamp) - 1);
    const forgeries: Record<string, Delivery> = {
      body: { ...delivery, body: Buffer.concat([delivery.body, Buffer.from(' ')]) },
      secret: { ...delivery, secret },
      id: { ...delivery, id: `${delivery.id}0` },
      timestamp: { ...delivery, timestamp },
      'no timestamp': { ...delivery, timestamp: '' },
      'a timestamp of letters': { ...delivery, timestamp: 'now' },
      'no signature': { ...delivery, signature: '' },
      'another version': { ...delivery, signature: delivery.signature.replaceAll('v1,', 'v2,') },
      'a cut signature': { ...delivery, signature: delivery.signature.slice(0, -8) },
      'too old': signedAgo(360),
      'too new': signedAgo(-360),
    };
    const verdicts = Object.entries(forgeries).map(([what, forged]) => [
      what,
      verdictOf(one, forged),
    ]);
    expect(Object.fromEntries(verdicts)).toEqual(
      Object.fromEntries(Object.keys(forgeries).map((what) => [what, 'forged'])),
    );
  });
});

test('the code of the page is the code in docs/recipes/verify/, in all six languages', () => {
  for (const { language, file } of LANGUAGES) {
    expect(codeOnPage.get(language)).toBe(readFileSync(join('docs/recipes/verify', file), 'utf8'));
  }
});

test('Node.js and Python are tried wherever the tests run; the others where they are installed', () => {
  const names = missing.map(({ language }) => language);
  if (names.length > 0)
    console.log(`Not tried, because they are not installed: ${names.join(', ')}`);
  expect(names.filter((name) => ALWAYS.includes(name))).toEqual([]);
});
