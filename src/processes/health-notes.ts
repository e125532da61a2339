import { listClockDifferences } from '../db/clock.ts';
import type { Db } from '../db/pool.ts';
import { unsafeSettings } from '../db/settings.ts';

/** What works and should be looked at all the same, a sentence each. */
export async function healthNotes(db: Db): Promise<string[]> {
  const [clocks, unsafe] = await Promise.all([listClockDifferences(db), unsafeSettings(db)]);
  return [
    ...clocks.map(({ process, aheadMs }) => {
      const seconds = Math.round(Math.abs(aheadMs) / 1_000);
      return `The clock of ${process} is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} PostgreSQL's`;
    }),
    ...unsafe.map((name) => `PostgreSQL may lose what was acknowledged: ${name} is off`),
  ];
}
