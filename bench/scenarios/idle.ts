import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../fault.ts';
import { makeLane } from '../lane.ts';
import { preload } from '../preload.ts';
import { GROUPS } from '../processes/groups.ts';
import { perGroup, startMeter, sum } from '../processes/meter.ts';
import { round } from '../figures.ts';
import { run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';

const SETTLE_MS = 15_000;

/** What a gateway costs that has worked a little and now has nothing to do. */
export async function idle(stage: Stage): Promise<Outcome> {
  const { seconds = 30, drainSeconds, bodyBytes } = stage.options;
  const { pid } = stage.gateway;
  if (pid === null) throw new Fault('The gateway has no process that could be measured.');
  const lane = await makeLane(stage, { name: 'idle' });
  await preload(stage, lane);
  await run(stage, { streams: [{ lane, rate: 20, seconds: 2, bodyBytes }], drainSeconds });
  await sleep(SETTLE_MS);
  stage.say(`Measuring an idle gateway for ${seconds} s`);
  const meter = startMeter(pid);
  await sleep(seconds * 1_000);
  const usage = meter.stop();
  const cpuPercent = perGroup((group) => round((usage.cpuSeconds[group] / usage.seconds) * 100, 2));
  const all = round(sum(cpuPercent), 2);
  const rows = GROUPS.map((group) => [
    group,
    show(cpuPercent[group]),
    show(usage.rssMb[group]),
    show(usage.pssMb[group]),
  ]);
  const total = ['all', show(all), show(usage.totalRssMb), show(usage.totalPssMb)];
  const { rssMb, pssMb, totalRssMb, totalPssMb } = usage;
  return {
    figures: { seconds, cpuPercent: { ...cpuPercent, all }, rssMb, pssMb, totalRssMb, totalPssMb },
    tables: [
      {
        title: `Idle for ${seconds} s (CPU in % of one core, memory in MB)`,
        header: ['', 'CPU', 'RSS', 'PSS'],
        rows: [...rows, total],
      },
    ],
  };
}
