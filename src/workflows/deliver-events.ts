import { condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Delivery, Waiting } from '../domain/delivery.ts';
import { attempts } from './activities.ts';
import { wake } from './signals.ts';

/** Delivers events to one destination: attempts those that are due, sleeps until the next is, until none is open. */
export async function deliverEvents({ waiting, ...delivery }: Delivery): Promise<void> {
  let woken = false;
  let open = waiting;
  setHandler(wake, (signal) => {
    woken = true;
    // From the Web UI a signal may come without input. An event that stands twice is attempted once.
    const eventIds = signal?.eventIds ?? [];
    if (eventIds.length > 0) open = [...open, { eventIds, dueAtMs: Date.now() }];
  });

  for (let round = 1; open.length > 0;) {
    const due = woken ? open : open.filter(({ dueAtMs }) => dueAtMs <= Date.now());

    if (due.length === 0) {
      const next = open.reduce((a, b) => (b.dueAtMs < a.dueAtMs ? b : a));
      const summary = `${count(next)} wait for ${delivery.destinationName}, next look at ${new Date(next.dueAtMs).toISOString()}`;
      await condition(() => woken, Math.max(1, next.dueAtMs - Date.now()), { summary });
      continue;
    }

    woken = false;
    const eventIds = [...new Set(due.flatMap((group) => group.eventIds))];
    const summary = `${count({ eventIds })} → ${delivery.destinationName}, round ${round++}`;
    const later = await attempts(summary).attemptDeliveries({
      destinationId: delivery.destinationId,
      eventIds,
    });
    open = [...open.filter((group) => !due.includes(group)), ...later];

    if (workflowInfo().continueAsNewSuggested && open.length > 0 && !woken) {
      await continueAsNew<typeof deliverEvents>({ ...delivery, waiting: open });
    }
  }
}

function count({ eventIds }: Pick<Waiting, 'eventIds'>): string {
  return eventIds.length === 1 ? '1 event' : `${eventIds.length} events`;
}
