import { condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Delivery, Waiting } from '../domain/delivery.ts';
import { dueNow, without } from '../domain/waiting.ts';
import { attempts } from './activities.ts';
import { wake } from './signals.ts';

/** Delivers events to one destination: attempts those that are due, sleeps until the next is, until none is open. */
export async function deliverEvents({ waiting, ...delivery }: Delivery): Promise<void> {
  let woken = false;
  let wokenForAll = false;
  let open = waiting;
  setHandler(wake, (signal) => {
    // From the Web UI a signal may come without input: then everything is due.
    const eventIds = signal?.eventIds ?? [];
    woken = true;
    wokenForAll ||= eventIds.length === 0;
    open = dueNow(open, { eventIds, nowMs: Date.now() });
  });

  for (let round = 1; open.length > 0;) {
    const due = open.filter(({ dueAtMs }) => dueAtMs <= Date.now());

    if (due.length === 0) {
      const next = open.reduce((a, b) => (b.dueAtMs < a.dueAtMs ? b : a));
      const summary = `${count(next)} ${next.eventIds.length === 1 ? 'waits' : 'wait'} for ${delivery.destinationName}, next look at ${new Date(next.dueAtMs).toISOString()}`;
      woken = false;
      await condition(() => woken, Math.max(1, next.dueAtMs - Date.now()), { summary });
      continue;
    }

    wokenForAll = false;
    open = open.filter((group) => !due.includes(group));
    const eventIds = [...new Set(due.flatMap((group) => group.eventIds))];
    const summary = `${count({ eventIds })} → ${delivery.destinationName}, round ${round++}`;
    const later = await attempts(summary).attemptDeliveries({
      destinationId: delivery.destinationId,
      eventIds,
      ...(due.some((group) => group.parked) ? { parked: true as const } : {}),
    });
    // What a signal named meanwhile stands in `open` already, and is due.
    open = [...open, ...without(later, open)];
    if (wokenForAll) open = dueNow(open, { eventIds: [], nowMs: Date.now() });

    if (workflowInfo().continueAsNewSuggested && open.length > 0) {
      await continueAsNew<typeof deliverEvents>({ ...delivery, waiting: open });
    }
  }
}

function count({ eventIds }: Pick<Waiting, 'eventIds'>): string {
  return eventIds.length === 1 ? '1 event' : `${eventIds.length} events`;
}
