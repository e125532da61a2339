import { setTimeout as sleep } from 'node:timers/promises';
import { nowUs } from './clock.ts';
import type { Lane } from './lane.ts';
import type { StreamResult } from './load/stream.ts';
import { startMeter, type Usage } from './processes/meter.ts';
import type { Arrivals } from './receiver/recorder.ts';
import type { Stage } from './stage.ts';

/** A steady stream of requests into a lane. */
export type Stream = {
  lane: Lane;
  rate: number;
  seconds: number;
  /** How long after the others it begins. */
  delaySeconds?: number;
  bodyBytes: number;
  customers?: number;
  /** The number of the first request, where several streams go into one lane. */
  firstSeq?: number;
  /** Signs each request as GitHub does. */
  signingSecret?: string;
  /** Whether every acknowledged request must reach all destinations of its lane; the run waits for that. */
  expected?: boolean;
};

/** Something to do in the middle of a run. */
export type Cue = { atSeconds: number; act: () => Promise<unknown> };

export type Run = {
  /** When the first request was due; times are microseconds of the monotonic clock. */
  startUs: number;
  /** When the last request was sent. */
  sentUs: number;
  /** When the last delivery arrived. */
  lastArrivalUs: number;
  loads: StreamResult[];
  arrivals: Arrivals;
  drained: boolean;
  usage: Usage | null;
};

const LEAD_US = 200_000;
const LOOK_MS = 100;

let lastRun = 0;

/** Sends all streams side by side, acts on the cues, and waits until everything expected has arrived. */
export async function run(
  stage: Stage,
  { streams, cues = [], drainSeconds }: { streams: Stream[]; cues?: Cue[]; drainSeconds: number },
): Promise<Run> {
  const { receiver, load, gateway } = stage;
  const number = ++lastRun;
  await receiver.call('begin', { run: number });
  const meter = gateway.pid === null ? null : startMeter(gateway.pid);
  const startUs = nowUs() + LEAD_US;
  const specs = streams.map((stream) => ({
    url: stream.lane.url,
    rate: stream.rate,
    total: Math.round(stream.rate * stream.seconds),
    bodyBytes: stream.bodyBytes,
    run: number,
    customers: stream.customers ?? 0,
    delayUs: (stream.delaySeconds ?? 0) * 1e6,
    firstSeq: stream.firstSeq ?? 0,
    signingSecret: stream.signingSecret ?? null,
  }));
  const [loads] = await Promise.all([
    load.call('run', { specs, startUs }),
    ...cues.map((cue) => play(cue, startUs)),
  ]);
  const drained = await drain(stage, { expected: expectedOf(streams, loads), drainSeconds });
  const usage = meter?.stop() ?? null;
  const arrivals = await receiver.call('report');
  const sentUs = loads.reduce((latest, { sentAtUs }) => Math.max(latest, sentAtUs.at(-1) ?? 0), 0);
  const lastArrivalUs = arrivals.arrivedAtUs.at(-1) ?? sentUs;
  return { startUs, sentUs, lastArrivalUs, loads, arrivals, drained, usage };
}

async function play({ atSeconds, act }: Cue, startUs: number): Promise<void> {
  await sleep(Math.max(0, (startUs - nowUs()) / 1_000 + atSeconds * 1_000));
  await act();
}

function expectedOf(streams: Stream[], loads: StreamResult[]): number {
  return streams.reduce((sum, { lane, expected = true }, i) => {
    return expected ? sum + loads[i]!.ackedSeq.length * lane.targets.length : sum;
  }, 0);
}

async function drain(
  { receiver }: Stage,
  { expected, drainSeconds }: { expected: number; drainSeconds: number },
): Promise<boolean> {
  for (const until = Date.now() + drainSeconds * 1_000; ; await sleep(LOOK_MS)) {
    const { distinct } = await receiver.call('progress');
    if (distinct >= expected) return true;
    if (Date.now() > until) return false;
  }
}
