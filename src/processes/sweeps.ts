import { sweepParked, type ControlDependencies } from '../activities/control.ts';
import { createLostEvents } from '../activities/lost-events.ts';
import { controlWorkflowId } from '../domain/control.ts';
import { listControlled } from '../db/gates.ts';
import { holdSweep, noteNamespace } from '../db/lost.ts';
import type { Log } from '../log.ts';
import type { Workflows } from '../temporal/workflows.ts';

type Dependencies = ControlDependencies & {
  workflows: Workflows;
  namespace: string;
  log: Log;
};

const PARKED_EVERY_MS = 30_000;
const LOST_EVERY_MS = 15_000;
const HELD_FOR_MS = 45_000;
const RENEW_MS = 10_000;
const GATES_A_LOOK = 20;

/**
 * Looks, by timers of this process, for what is left behind: what waits although nothing holds it back, events and gates
 * whose workflow is gone. No workflow looks for that: it would be gone with the others. One process does it at a time.
 */
export function startSweeps(deps: Dependencies): { stop(): void } {
  const { log, workflows } = deps;
  const lost = createLostEvents({
    ...deps,
    isAlive: workflows.isAlive,
    startLane: workflows.startLane,
  });
  const gates = createGateWatch(deps);
  const sweeps = [
    startSweep(deps, {
      name: 'parked',
      everyMs: PARKED_EVERY_MS,
      sweep: (beat) => sweepParked(deps, { beat }),
    }),
    startSweep(deps, {
      name: 'lost',
      everyMs: LOST_EVERY_MS,
      async sweep() {
        await gates.look();
        await lost.look();
      },
    }),
  ];
  workflows
    .endFormerSweep()
    .catch((error: unknown) => log.warn({ error }, 'A former sweep could not be ended'));
  return { stop: () => sweeps.forEach((stop) => stop()) };
}

class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

type Sweep = { name: string; everyMs: number; sweep: (beat: () => void) => Promise<unknown> };

function startSweep(
  { db, log, holder }: Dependencies,
  { name, everyMs, sweep }: Sweep,
): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const hold = () => holdSweep(db, { name, holder: holder() ?? process.pid, forMs: HELD_FOR_MS });

  async function look(): Promise<void> {
    if (!(await hold())) return;
    let isOurs = true;
    const renewing = setInterval(() => {
      hold().then(
        (held) => void (isOurs = held),
        () => {},
      );
    }, RENEW_MS);
    try {
      await sweep(() => {
        if (stopped || !isOurs) throw new NotOurs('Somebody else sweeps.');
      });
    } finally {
      clearInterval(renewing);
    }
  }
  function next(afterMs: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      look()
        .catch((error: unknown) => {
          if (!stopped && !(error instanceof NotOurs)) {
            log.warn({ error, sweep: name }, 'A look for what was left behind failed');
          }
        })
        .finally(() => next(everyMs));
    }, afterMs);
    timer.unref();
  }
  // Soon after the start: what was lost was lost before.
  next(Math.min(everyMs, LOST_EVERY_MS) / 3);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Sees that gates have their control workflows: some of them at each look, all of them where Temporal is another. */
function createGateWatch({ db, workflows, namespace, log }: Dependencies): {
  look(): Promise<void>;
} {
  let after = '';
  return {
    async look() {
      const id = await workflows.namespaceId();
      if (await noteNamespace(db, { name: namespace, id })) {
        log.warn(
          { namespace },
          'Temporal lost its workflows. Starting everything that waits again',
        );
      }
      const gates = await listControlled(db, { after, limit: GATES_A_LOOK });
      after = gates.length < GATES_A_LOOK ? '' : gates.at(-1)!.id;
      for (const gate of gates) {
        if (!(await workflows.isAlive(controlWorkflowId(gate)))) await workflows.startControl(gate);
      }
    },
  };
}
