import { continueAsNew, sleep } from '@temporalio/workflow';
import { sweeping } from './activities.ts';

const ROUNDS = 200;

/** Looks, twice a minute, for deliveries that wait although nothing holds them back, and wakes them. */
export async function sweep(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await sweeping('Wake what waits although nothing holds it back').sweepParked();
    await sleep('30s', { summary: 'until the next look' });
  }
  await continueAsNew<typeof sweep>();
}
