import { completeness, latencies } from '../deliveries.ts';
import { round } from '../figures.ts';
import { makeLane, type Lane } from '../lane.ts';
import type { StreamResult } from '../load/stream.ts';
import { inMs, summarize, type Summary } from '../quantiles.ts';
import { run, type Run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show, type Table } from '../table.ts';
import { warmUp } from '../warm-up.ts';

const USUAL_RATE = 500;
// A sender that is answered later than this begins to wonder; Slack gives up after 3 s.
const BOUND_MS = 250;

/** Far more than can be delivered, for a short time: acknowledgements meanwhile, and how fast the backlog goes afterwards. */
export async function spike(stage: Stage): Promise<Outcome> {
  const { rate = 3_000, seconds = 10, bodyBytes, drainSeconds } = stage.options;
  const lane = await makeLane(stage, { name: 'spike' });
  await warmUp(stage, [{ lane, rate: USUAL_RATE, seconds: 0, bodyBytes }]);
  stage.say(`A spike of ${rate}/s for ${seconds} s`);
  const stream = { lane, rate, seconds, bodyBytes };
  const figures = figuresOf(await run(stage, { streams: [stream], drainSeconds }), stream);
  return { figures, tables: tablesOf(figures) };
}

type SpikeOptions = { lane: Lane; rate: number; seconds: number };
type Figures = ReturnType<typeof figuresOf>;

function figuresOf(result: Run, { lane, rate, seconds }: SpikeOptions) {
  const load = result.loads[0]!;
  const destinations = lane.targets.map((target) => target.receiverId);
  const late = load.ackUs.filter((us) => us > BOUND_MS * 1_000).length;
  const backlog = result.arrivals.arrivedAtUs.filter((us) => us > result.sentUs).length;
  const drainedS = Math.max(0, (result.lastArrivalUs - result.sentUs) / 1e6);
  return {
    rate,
    seconds,
    offeredPerSecond: round(load.sent / ((result.sentUs - result.startUs) / 1e6), 1),
    acked: load.ackedSeq.length,
    errors: load.sent - load.ackedSeq.length,
    errorsBy: load.errors,
    ...completeness(result.arrivals, { destinations, acked: load.ackedSeq }),
    ackMs: inMs(summarize(load.ackUs)),
    /** The share of acknowledgements beyond the bound. */
    lateShare: round(late / load.ackUs.length, 4),
    ackP99MsBySecond: bySecond(load).map((times) => inMs(summarize(times)).p99),
    endToEndMs: inMs(summarize(latencies(result.arrivals, { destinations }))),
    generatorLateMs: inMs(summarize(load.lateUs)),
    backlog,
    drainedS: round(drainedS, 2),
    drainPerSecond: backlog === 0 ? null : round(backlog / drainedS, 1),
    drained: result.drained,
    cpuSeconds: result.usage?.cpuSeconds ?? null,
  };
}

/** Acknowledgement times by the second in which the request was sent. */
function bySecond({ ackedSeq, ackUs, sentAtUs }: StreamResult): number[][] {
  const seconds: number[][] = [];
  ackedSeq.forEach((seq, i) => {
    const second = Math.floor((sentAtUs[seq]! - sentAtUs[0]!) / 1e6);
    (seconds[second] ??= []).push(ackUs[i]!);
  });
  return seconds;
}

function tablesOf(figures: Figures): Table[] {
  const { ackMs, endToEndMs, generatorLateMs } = figures;
  const times = (name: string, s: Summary) => [name, ...[s.p50, s.p99, s.max].map((v) => show(v))];
  return [
    {
      title: `${figures.rate} requests/s for ${figures.seconds} s`,
      rows: [
        ['offered', show(figures.offeredPerSecond, '/s')],
        ['acknowledged', show(figures.acked)],
        ['errors', show(figures.errors)],
        ['lost', show(figures.lost)],
        ['duplicates', show(figures.duplicates)],
        [`acknowledged after ${BOUND_MS} ms`, show(figures.lateShare * 100, '%')],
        ['p99 of each second, ms', figures.ackP99MsBySecond.map((ms) => show(ms)).join(' ')],
        ['waiting when the spike ended', show(figures.backlog)],
        ['all delivered after', figures.drained ? show(figures.drainedS, 's') : 'not in time'],
        ['that is', show(figures.drainPerSecond, '/s')],
      ],
    },
    {
      title: 'Latency, ms',
      header: ['', 'p50', 'p99', 'max'],
      rows: [
        times('acknowledgement', ackMs),
        times('end to end', endToEndMs),
        times('generator late', generatorLateMs),
      ],
    },
  ];
}
