import { completeness, latencies } from '../deliveries.ts';
import { round } from '../figures.ts';
import { makeLane, type Lane } from '../lane.ts';
import { inMs, quantile, summarize, type Summary } from '../quantiles.ts';
import { run, type Run, type Stream } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';

const SECRET = 'a-secret-of-some-length';
// Shorter than the moments for which a disk or a neighbour holds everything up: those fall on both sides alike.
const TURN_S = 0.25;
const WINDOW_S = 5;

type Turn = { lane: Lane; stream: Stream };
type Side = {
  ackMs: Summary;
  /** The median over windows of 5 s of each one's p99. */
  windowP99Ms: number;
  endToEndMs: Summary;
  lost: number;
  errors: number;
};

/** The plain run, into a source that verifies signatures and one that does not by turns: what falls on the one falls on the other. */
export async function verified(stage: Stage): Promise<Outcome> {
  const { rate = 1_000, seconds = 60, bodyBytes, drainSeconds } = stage.options;
  const plain = await makeLane(stage, { name: 'plain' });
  const signed = await makeLane(stage, {
    name: 'signed',
    source: { type: 'GITHUB', config: { auth: { webhook_secret_key: SECRET } } },
  });
  const each = { rate, seconds: TURN_S, bodyBytes };
  await warmUp(stage, [
    { ...each, lane: plain, rate: rate / 2 },
    { ...each, lane: signed, rate: rate / 2, signingSecret: SECRET },
  ]);
  const count = 2 * Math.ceil(seconds / TURN_S);
  const turns = Array.from({ length: count }, (_, i): Turn => {
    // Pairs in turning order: neither always comes after the other.
    const lane = (i + (i >> 1)) % 2 === 0 ? plain : signed;
    const place = { delaySeconds: i * TURN_S, firstSeq: i * Math.round(rate * TURN_S) };
    const signing = lane === signed ? { signingSecret: SECRET } : {};
    return { lane, stream: { ...each, ...place, ...signing, lane } };
  });
  stage.say(`Measuring ${rate}/s for ${count * TURN_S} s, a source each ${TURN_S} s`);
  const result = await run(stage, { streams: turns.map(({ stream }) => stream), drainSeconds });
  const [unverifiedSide, verifiedSide] = [plain, signed].map((lane) =>
    sideOf(result, { lane, turns }),
  ) as [Side, Side];
  return outcome({ rate, seconds, unverified: unverifiedSide, verified: verifiedSide });
}

function sideOf(result: Run, { lane, turns }: { lane: Lane; turns: Turn[] }): Side {
  const own = result.loads.flatMap((load, i) => {
    const { lane: of, stream } = turns[i]!;
    return of === lane ? { load, window: Math.floor((stream.delaySeconds ?? 0) / WINDOW_S) } : [];
  });
  const loads = own.map(({ load }) => load);
  const destinations = lane.targets.map((target) => target.receiverId);
  const acked = Uint32Array.from(loads.flatMap((load) => [...load.ackedSeq]));
  const windows = [...Map.groupBy(own, ({ window }) => window).values()];
  const p99s = windows.map((window) => {
    const times = Float64Array.from(window.flatMap(({ load }) => [...load.ackUs]));
    return quantile(times.toSorted(), 0.99) ?? NaN;
  });
  return {
    ackMs: inMs(summarize(loads.flatMap((load) => [...load.ackUs]))),
    windowP99Ms: round((quantile(Float64Array.from(p99s).toSorted(), 0.5) ?? NaN) / 1_000, 2),
    endToEndMs: inMs(summarize(latencies(result.arrivals, { destinations }))),
    lost: completeness(result.arrivals, { destinations, acked }).lost,
    errors: loads.reduce((sum, load) => sum + load.sent - load.ackedSeq.length, 0),
  };
}

function outcome({
  rate,
  seconds,
  unverified,
  verified: signed,
}: {
  rate: number;
  seconds: number;
  unverified: Side;
  verified: Side;
}): Outcome {
  const ratio = (of: (side: Side) => number | null) =>
    round((of(signed) ?? NaN) / (of(unverified) ?? NaN), 2);
  const ratios = {
    p50: ratio((side) => side.ackMs.p50),
    p99: ratio((side) => side.ackMs.p99),
    windowP99: ratio((side) => side.windowP99Ms),
  };
  const rows = Object.entries({ unverified, verified: signed }).map(([name, side]) => [
    name,
    show(side.ackMs.p50),
    show(side.ackMs.p99),
    show(side.windowP99Ms),
    show(side.endToEndMs.p50),
    show(side.endToEndMs.p99),
    show(side.lost),
    show(side.errors),
  ]);
  return {
    figures: { rate, seconds, unverified, verified: signed, ratios },
    tables: [
      {
        title: `${rate}/s by turns into two sources, acknowledgements and end to end, ms`,
        header: ['', 'p50', 'p99', 'p99 of 5 s', 'e2e p50', 'e2e p99', 'lost', 'errors'],
        rows: [
          ...rows,
          ['ratio', show(ratios.p50), show(ratios.p99), show(ratios.windowP99), '', '', '', ''],
        ],
      },
    ],
  };
}
