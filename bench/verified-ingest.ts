import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startGateway } from './gateway/own.ts';
import { groupProcesses } from './processes/groups.ts';
import { readProcesses, TICKS_PER_SECOND } from './processes/proc.ts';
import { quantile } from './quantiles.ts';

const SECRET = 'a-secret-of-some-length';
const BODY_BYTES = 1024;
const BLOCK_MS = 1_000;
const WARM_UP_BLOCKS = 4;
// What a block leaves to be routed is done before the next one begins.
const PAUSE_MS = 300;

type Kind = 'unverified' | 'verified';
type Block = { url: string; kind: Kind; rate: number; agent: Agent };

export type VerifiedIngest = {
  bench: 'verified-ingest';
  rate: number;
  unverified: Acks;
  verified: Acks;
  /** Verified against unverified; the target is within a tenth. */
  ratio_p50: number;
  ratio_p99: number;
  ratio_cpu: number;
};
/** `cpu_us`: what gateway and PostgreSQL spend on one request until it is routed; a busy machine hardly moves it. */
type Acks = { count: number; p50_ms: number; p99_ms: number; cpu_us: number };

/**
 * Measures how long the acknowledgement of a signed request takes against that of an unsigned one. Blocks of a second
 * take turns, so that whatever else the machine does meanwhile falls on both alike.
 */
export async function measureVerifiedIngest({
  rate,
  seconds,
}: {
  rate: number;
  seconds: number;
}): Promise<VerifiedIngest> {
  const gateway = await startGateway({ profileDir: null });
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  try {
    const urls = {
      unverified: await makeSource(gateway, { name: 'unverified', type: 'WEBHOOK' }),
      verified: await makeSource(gateway, {
        name: 'verified',
        type: 'GITHUB',
        config: { auth: { webhook_secret_key: SECRET } },
      }),
    };
    const samples: Samples = {
      unverified: { tookMs: [], cpuMs: 0 },
      verified: { tookMs: [], cpuMs: 0 },
    };
    const blocks = WARM_UP_BLOCKS + 2 * seconds;
    for (let block = 0; block < blocks; block++) {
      // Pairs in turning order: neither kind always comes after the other.
      const kind = (block + (block >> 1)) % 2 === 0 ? 'unverified' : 'verified';
      const before = cpuMs(gateway.pid);
      const tookMs = await runBlock({ url: urls[kind], kind, rate, agent });
      await sleep(PAUSE_MS);
      if (block < WARM_UP_BLOCKS) continue;
      samples[kind].tookMs.push(...tookMs);
      samples[kind].cpuMs += cpuMs(gateway.pid) - before;
    }
    return resultOf(rate, samples);
  } finally {
    agent.destroy();
    await gateway.stop();
  }
}

type Samples = Record<Kind, { tookMs: number[]; cpuMs: number }>;

function cpuMs(gatewayPid: number | null): number {
  const { gateway, postgres } = groupProcesses(readProcesses(), gatewayPid ?? 0);
  return ((gateway.ticks + postgres.ticks) / TICKS_PER_SECOND) * 1_000;
}

async function makeSource(
  { url, apiKey }: { url: string; apiKey: string },
  source: { name: string; type: string; config?: object },
): Promise<string> {
  const answer = await fetch(`${url}/2026-09-01/sources`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(source),
  });
  if (!answer.ok) throw new Error(`No source was made: ${await answer.text()}`);
  return `${url}/in/${source.name}`;
}

/** Sends at the rate, whether or not answers come, and returns what each took. */
async function runBlock(block: Block): Promise<number[]> {
  const startedAt = performance.now();
  const acks: Promise<number>[] = [];
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    const due = Math.floor((Math.min(elapsedMs, BLOCK_MS) / 1_000) * block.rate);
    while (acks.length < due) acks.push(ack(block));
    if (elapsedMs >= BLOCK_MS) break;
    await sleep(1);
  }
  return Promise.all(acks);
}

function ack({ url, kind, agent }: Block): Promise<number> {
  const body = JSON.stringify({ id: randomUUID() }).padEnd(BODY_BYTES, ' ');
  const headers: Record<string, string | number> = {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-github-delivery': randomUUID(),
  };
  if (kind === 'verified') {
    const signature = createHmac('sha256', SECRET).update(body).digest('hex');
    headers['x-hub-signature-256'] = `sha256=${signature}`;
  }
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    const sent = request(url, { method: 'POST', agent, headers });
    sent.on('response', (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200
          ? resolve(performance.now() - sentAt)
          : reject(new Error(`Answered ${answer.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function resultOf(rate: number, samples: Samples): VerifiedIngest {
  const [unverified, verified] = [acksOf(samples.unverified), acksOf(samples.verified)];
  return {
    bench: 'verified-ingest',
    rate,
    unverified,
    verified,
    ratio_p50: rounded(verified.p50_ms / unverified.p50_ms),
    ratio_p99: rounded(verified.p99_ms / unverified.p99_ms),
    ratio_cpu: rounded(verified.cpu_us / unverified.cpu_us),
  };
}

function acksOf({ tookMs, cpuMs: spentMs }: Samples[Kind]): Acks {
  const sorted = Float64Array.from(tookMs).toSorted();
  const at = (p: number) => rounded(quantile(sorted, p) ?? NaN);
  const cpuUs = Math.round((spentMs * 1_000) / sorted.length);
  return { count: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), cpu_us: cpuUs };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '20' },
    },
  });
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const result = await measureVerifiedIngest({ rate, seconds });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
