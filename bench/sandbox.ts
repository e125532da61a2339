// How many transformations a second fresh isolates allow, and how long one takes from call to outcome.
import { readFileSync } from 'node:fs';
import { createSandboxPool } from '../src/sandbox/pool.ts';
import type { SandboxPool } from '../src/sandbox/pool.ts';
import type { TransformJob } from '../src/sandbox/job.ts';
import { Isolation } from '../src/sandbox/job.ts';

const SECONDS = 5;
const CODE = `addHandler('transform', (request, context) => {
  const { items } = request.body;
  request.body = { ids: items.map((item) => item.id), total: items.reduce((sum, item) => sum + item.price * item.count, 0) };
  request.headers['x-connection'] = context.connection.id;
  return request;
});`;

function makeJob(bodyBytes: number, isolation: Isolation): TransformJob {
  const items: unknown[] = [];
  for (let bytes = 0; bytes < bodyBytes; bytes = JSON.stringify({ items }).length) {
    items.push({ id: `item-${items.length}`, price: items.length + 0.5, count: 2 });
  }
  const headers = { 'content-type': 'application/json' };
  const request = { headers, body: { items }, query: '', parsed_query: {}, path: '/orders' };
  const input = JSON.stringify({ request, context: { connection: { id: 'web_1' } } });
  const names = { tenant: 'bench', transformationId: 'trs_bench', version: isolation };
  return { ...names, code: CODE, env: {}, input, isolation };
}

type Figures = { perSecond: number; p50Ms: number; p99Ms: number; cpuMsEach: number };
type Run = { readonly pool: SandboxPool; readonly job: TransformJob; readonly lanes: number };

function percentile(sorted: readonly number[], share: number): number {
  return Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3));
}

// CPU of this process and its children, which unlike the rate does not depend on who else is on the
// machine. Linux only; elsewhere it says 0.
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  let total = (user + system) / 1_000;
  try {
    const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
    for (const pid of pids) {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      total += (Number(fields[11]) + Number(fields[12])) * 10;
    }
  } catch {
    return 0;
  }
  return total;
}

async function measure({ pool, job, lanes }: Run): Promise<Figures> {
  const took: number[] = [];
  const cpuBefore = cpuMs();
  const endAt = performance.now() + SECONDS * 1_000;
  const lane = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const startedAt = performance.now();
      const outcome = await pool.run(job);
      if (outcome.kind !== 'ok')
        throw new Error(`The benchmark's own code ended as ${outcome.kind}.`);
      took.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const cpuMsEach = Number(((cpuMs() - cpuBefore) / took.length).toFixed(2));
  const sorted = took.toSorted((a, b) => a - b);
  const perSecond = Math.round(took.length / SECONDS);
  return { perSecond, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), cpuMsEach };
}

/** Prints one JSON line: rate with all children busy, and the round trip of one job at a time. */
export async function benchSandbox({ children = 2 } = {}): Promise<void> {
  const log = { info: () => undefined, warn: () => undefined };
  const pool = createSandboxPool({ children, log });
  const small = makeJob(1_000, Isolation.Strict);
  for (let warm = 0; warm < 50; warm++) await pool.run(small);
  const busy = await measure({ pool, job: small, lanes: children * 2 });
  const single = await measure({ pool, job: small, lanes: 1 });
  const large = await measure({ pool, job: makeJob(100_000, Isolation.Strict), lanes: 1 });
  const fast = await measure({ pool, job: makeJob(1_000, Isolation.Fast), lanes: children * 2 });
  await pool.close();
  const result = {
    bench: 'sandbox',
    children,
    transformsPerSecond: busy.perSecond,
    busy,
    single,
    large,
    fast,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

if (import.meta.main) await benchSandbox();
