import { figuresOf, figureTables } from '../figures.ts';
import { makeLane } from '../lane.ts';
import { preload } from '../preload.ts';
import { run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { warmUp } from '../warm-up.ts';

/** One source at a steady rate, with as many destinations as asked for. */
export async function standard(stage: Stage): Promise<Outcome> {
  const { rate = 1_000, seconds = 30, destinations, bodyBytes, drainSeconds } = stage.options;
  const lane = await makeLane(stage, { name: 'plain', destinations });
  await preload(stage, lane);
  const stream = { lane, rate, seconds, bodyBytes };
  await warmUp(stage, [stream]);
  stage.say(`Measuring ${rate}/s for ${seconds} s`);
  const result = await run(stage, { streams: [stream], drainSeconds });
  const figures = figuresOf(result, stream);
  const title = `${rate} requests/s for ${seconds} s, ${bodyBytes} bytes, ${destinations} destination(s)`;
  return {
    figures: { destinations, bodyBytes, preload: stage.options.preload, ...figures },
    tables: figureTables(figures, title),
  };
}
