import { run, type Stream } from './run.ts';
import type { Stage } from './stage.ts';

/** Runs the streams for the warm-up's length and forgets what they gave. */
export async function warmUp(stage: Stage, streams: Stream[]): Promise<void> {
  const { warmupSeconds: seconds, drainSeconds } = stage.options;
  if (seconds === 0) return;
  stage.say(`Warming up for ${seconds} s`);
  await run(stage, { streams: streams.map((stream) => ({ ...stream, seconds })), drainSeconds });
}
