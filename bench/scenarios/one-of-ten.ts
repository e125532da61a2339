import { completeness } from '../deliveries.ts';
import { makeLane, type Lane, type LaneOptions } from '../lane.ts';
import { phaseTimes, ratioOf, type PhaseTimes, type Ratio } from '../phase.ts';
import type { Behaviour } from '../receiver/destination.ts';
import { run, type Run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';

const LANES = 10;

type Trouble = {
  title: string;
  bad: Behaviour;
  retryIntervalMs: number;
  destinationConfig?: object;
  /** How long a delivery that met the bad phase may take beyond its retry interval. */
  slackMs: number;
};

type Phases = Record<'before' | 'during' | 'after', PhaseTimes>;

/** Ten sources with a destination each; one destination misbehaves for a while, the other nine should not notice. */
export async function oneOfTen(stage: Stage, trouble: Trouble): Promise<Outcome> {
  const { rate = 300, seconds = 60, bodyBytes } = stage.options;
  const afterSeconds = Math.ceil(seconds / 2);
  const lanes = await makeLanes(stage, trouble);
  const [bad, ...good] = lanes as [Lane, ...Lane[]];
  const streams = lanes.map((lane) => ({
    lane,
    rate: rate / LANES,
    seconds: 2 * seconds + afterSeconds,
    bodyBytes,
  }));
  await warmUp(stage, streams);
  stage.say(`${rate}/s over ten destinations; one misbehaves after ${seconds} s for ${seconds} s`);
  const result = await run(stage, {
    streams,
    cues: [
      { atSeconds: seconds, act: () => behave(stage, { lane: bad, behaviour: trouble.bad }) },
      {
        atSeconds: 2 * seconds,
        act: () => behave(stage, { lane: bad, behaviour: { kind: 'ok' } }),
      },
    ],
    drainSeconds: Math.max(stage.options.drainSeconds, (3 * trouble.retryIntervalMs) / 1_000),
  });
  const badFromUs = result.startUs + seconds * 1e6;
  const badToUs = badFromUs + seconds * 1e6;
  const phases = phasesOf(result, { lanes: good, badFromUs, badToUs });
  const recovery = recoveryOf(result, { lanes, bad, badFromUs, badToUs, trouble });
  return outcome({ trouble, rate, seconds, phases, recovery });
}

function makeLanes(stage: Stage, { retryIntervalMs, destinationConfig = {} }: Trouble) {
  const rules = [{ type: 'retry', strategy: 'linear', interval: retryIntervalMs, count: 100 }];
  const options = (i: number): LaneOptions => ({ name: `lane-${i}`, rules, destinationConfig });
  return Promise.all(Array.from({ length: LANES }, (_, i) => makeLane(stage, options(i))));
}

function behave(stage: Stage, { lane, behaviour }: { lane: Lane; behaviour: Behaviour }) {
  return stage.receiver.call('behave', { id: lane.targets[0]!.receiverId, behaviour });
}

function phasesOf(
  result: Run,
  { lanes, badFromUs, badToUs }: { lanes: Lane[]; badFromUs: number; badToUs: number },
): Phases {
  const destinations = lanes.flatMap((lane) => lane.targets.map((target) => target.receiverId));
  const between = (fromUs: number, toUs: number) =>
    phaseTimes(result.arrivals, { destinations, fromUs, toUs });
  return {
    before: between(result.startUs, badFromUs),
    during: between(badFromUs, badToUs),
    after: between(badToUs, result.sentUs),
  };
}

function recoveryOf(
  { arrivals, loads, drained }: Run,
  {
    lanes,
    bad,
    badFromUs,
    badToUs,
    trouble,
  }: { lanes: Lane[]; bad: Lane; badFromUs: number; badToUs: number; trouble: Trouble },
) {
  const counts = lanes.map((lane, i) => {
    const destinations = [lane.targets[0]!.receiverId];
    return completeness(arrivals, { destinations, acked: loads[i]!.ackedSeq });
  });
  const badId = bad.targets[0]!.receiverId;
  let lastUs = badToUs;
  arrivals.sentAtUs.forEach((sentAtUs, i) => {
    const met = arrivals.destination[i] === badId && sentAtUs >= badFromUs && sentAtUs < badToUs;
    if (met) lastUs = Math.max(lastUs, arrivals.arrivedAtUs[i]!);
  });
  const recoveredAfterMs = Math.round((lastUs - badToUs) / 1e3);
  const allowedMs = trouble.retryIntervalMs + trouble.slackMs;
  return {
    errors: loads.reduce((n, load) => n + load.sent - load.ackedSeq.length, 0),
    lost: counts.reduce((n, count) => n + count.lost, 0),
    duplicates: counts.reduce((n, count) => n + count.duplicates, 0),
    recoveredAfterMs,
    allowedMs,
    withinSchedule: drained && recoveredAfterMs <= allowedMs,
  };
}

function outcome({
  trouble,
  rate,
  seconds,
  phases,
  recovery,
}: {
  trouble: Trouble;
  rate: number;
  seconds: number;
  phases: Phases;
  recovery: ReturnType<typeof recoveryOf>;
}): Outcome {
  const ratios = {
    during: ratioOf(phases.during, phases.before),
    after: ratioOf(phases.after, phases.before),
  };
  const row = (name: keyof Phases, ratio?: Ratio) => {
    const { p50, p99, blockP99, max } = phases[name];
    const shares = ratio ? [show(ratio.p99), show(ratio.blockP99)] : ['', ''];
    return [name, ...[p50, p99, blockP99, max].map((ms) => show(ms)), ...shares];
  };
  return {
    figures: { rate, seconds, othersMs: phases, ratios, ...recovery },
    tables: [
      {
        title: `${trouble.title}: the other nine, ms end to end`,
        header: ['', 'p50', 'p99', 'p99 of a block', 'max', 'p99 to before', 'block to before'],
        rows: [row('before'), row('during', ratios.during), row('after', ratios.after)],
      },
      {
        title: 'The one',
        rows: [
          ['lost, of all ten', show(recovery.lost)],
          ['duplicates, of all ten', show(recovery.duplicates)],
          ['errors, of all ten', show(recovery.errors)],
          ['all delivered after', show(recovery.recoveredAfterMs, 'ms')],
          ['allowed by its schedule', show(recovery.allowedMs, 'ms')],
        ],
      },
    ],
  };
}
