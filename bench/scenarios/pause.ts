import { arrivalsAt, completeness } from '../deliveries.ts';
import { round } from '../figures.ts';
import { makeLane, type Lane } from '../lane.ts';
import { phaseTimes, ratioOf } from '../phase.ts';
import { startMeter } from '../processes/meter.ts';
import { run, type Run, type Stream } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';
import { mostInWindow } from '../window.ts';

const PARKED = 20_000;
const QUIET_S = 30;
const REST_S = 5;
const LEAST_AFTER_S = 60;

/** Events parked on a paused destination with a rate limit, then resumed, beside a neighbour in steady traffic. */
export async function pause(stage: Stage): Promise<Outcome> {
  const { rate = 100, bodyBytes, parking = 1_000 } = stage.options;
  const limit = Math.floor(parking / 2);
  const afterS = Math.max(LEAST_AFTER_S, Math.ceil((1.2 * PARKED) / limit));
  const neighbour = await makeLane(stage, { name: 'neighbour' });
  const destinationConfig = { delivery_policy: { rate: limit, period: 'second' } };
  const paused = await makeLane(stage, { name: 'paused', destinationConfig });
  const parkingS = Math.ceil(PARKED / parking);
  const resumeAtS = QUIET_S + parkingS + REST_S;
  const steady = { lane: neighbour, rate, seconds: resumeAtS + afterS, bodyBytes };
  const parked: Stream = {
    lane: paused,
    rate: PARKED / parkingS,
    seconds: parkingS,
    delaySeconds: QUIET_S,
    bodyBytes,
  };
  await warmUp(stage, [steady]);
  // What as many events take when nothing is parked is no memory of parking.
  const flowing = { ...steady, rate: PARKED / parkingS, seconds: parkingS };
  stage.say(`Letting ${PARKED} events flow`);
  await run(stage, { streams: [flowing], drainSeconds: stage.options.drainSeconds });
  const memoryMb: Memory = { before: memoryNow(stage), half: null, parked: null, drained: null };
  const note = (name: keyof Memory) => Promise.resolve(void (memoryMb[name] = memoryNow(stage)));
  const gate = `/destinations/${paused.targets[0]!.destinationId}`;
  await stage.admin.put(`${gate}/pause`);
  stage.say(`Parking ${PARKED} events, resuming after ${resumeAtS} s`);
  const result = await run(stage, {
    streams: [steady, parked],
    cues: [
      { atSeconds: QUIET_S + parkingS / 2, act: () => note('half') },
      { atSeconds: resumeAtS - 1, act: () => note('parked') },
      { atSeconds: resumeAtS, act: () => stage.admin.put(`${gate}/unpause`) },
    ],
    drainSeconds: Math.max(stage.options.drainSeconds, (2 * PARKED) / limit),
  });
  await note('drained');
  return outcome(result, { neighbour, paused, resumeAtS, limit, memoryMb });
}

/** What all processes hold together (PSS, MB), and when: with half of the events parked, all of them, none any more. */
type Memory = Record<'before' | 'half' | 'parked' | 'drained', number | null>;

function memoryNow({ gateway }: Stage): number | null {
  return gateway.pid === null ? null : startMeter(gateway.pid).stop().totalPssMb;
}

function outcome(
  result: Run,
  {
    neighbour,
    paused,
    resumeAtS,
    limit,
    memoryMb,
  }: { neighbour: Lane; paused: Lane; resumeAtS: number; limit: number; memoryMb: Memory },
): Outcome {
  const atUs = (seconds: number) => result.startUs + seconds * 1e6;
  const destinations = [neighbour.targets[0]!.receiverId];
  const between = (fromUs: number, toUs: number) =>
    phaseTimes(result.arrivals, { destinations, fromUs, toUs });
  const pausedId = paused.targets[0]!.receiverId;
  const acked = result.loads[1]!.ackedSeq;
  const counts = completeness(result.arrivals, { destinations: [pausedId], acked });
  const times = arrivalsAt(result.arrivals, pausedId).map((arrival) => arrival.arrivedAtUs);
  const early = times.filter((time) => time < atUs(resumeAtS)).length;
  const lastUs = times.at(-1) ?? atUs(resumeAtS);
  const phases = {
    before: between(result.startUs, atUs(QUIET_S)),
    parking: between(atUs(QUIET_S), atUs(resumeAtS)),
    draining: between(atUs(resumeAtS), lastUs),
  };
  const drainedS = round((lastUs - atUs(resumeAtS)) / 1e6, 2);
  const ratios = {
    parking: ratioOf(phases.parking, phases.before),
    draining: ratioOf(phases.draining, phases.before),
  };
  const mostInASecond = mostInWindow(times, 1_000_000);
  return {
    figures: {
      parked: acked.length,
      early,
      drainedS,
      mostInASecond,
      ...counts,
      phases,
      ratios,
      memoryMb,
    },
    tables: [
      {
        title: `${acked.length} events parked and resumed at ${limit}/s`,
        rows: [
          ['sent while paused', show(early)],
          ['drained in', show(drainedS, 's')],
          ['most in any second', show(mostInASecond)],
          ['lost', show(counts.lost)],
          ['duplicates', show(counts.duplicates)],
          ['memory before', show(memoryMb.before, 'MB')],
          ['memory with half of them parked', show(memoryMb.half, 'MB')],
          ['memory with all of them parked', show(memoryMb.parked, 'MB')],
          ['memory with none any more', show(memoryMb.drained, 'MB')],
        ],
      },
      {
        title: 'The neighbour, ms end to end',
        header: ['', 'p50', 'p99', 'p99 of a block', 'max', 'p99 to before', 'block to before'],
        rows: Object.entries(phases).map(([name, s]) => {
          const ratio = name === 'before' ? undefined : ratios[name as keyof typeof ratios];
          return [
            name,
            ...[s.p50, s.p99, s.blockP99, s.max].map((ms) => show(ms)),
            ...(ratio ? [show(ratio.p99), show(ratio.blockP99)] : ['', '']),
          ];
        }),
      },
    ],
  };
}
