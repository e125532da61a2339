import type { Dispatch, Routing } from '../domain/delivery.ts';
import { createBatcher } from '../db/batcher.ts';
import { claimFirst, type Claimed, type FirstClaim } from '../db/claims.ts';
import { createBudget } from './routing/budget.ts';
import { createBodies } from './routing/payload.ts';
import { createTrials } from './routing/trials.ts';
import { routeRequests, type RoutingDependencies } from './routing/route-requests.ts';

export type RoutingActivities = {
  /** Takes requests through the rules of their connections and commits the events they make. */
  routeRequests(dispatch: Dispatch): Promise<Routing>;
};

// Bodies as they came, of all that is being routed: some are large, and most of those wait for nothing but their turn.
const BODY_BYTES = 64 * 1024 * 1024;
const SMALL_BYTES = 1024 * 1024;

type Dependencies = Omit<RoutingDependencies, 'claim' | 'bodies' | 'bodyBudget' | 'trials'> & {
  /** The number by which others see that this process lives; null as long as there is none. */
  dispatcherId?: () => number | null;
};

export function createRoutingActivities(deps: Dependencies): RoutingActivities {
  const claims = createBatcher<FirstClaim, Claimed>({
    maxItems: 500,
    run: (items) => claimFirst(deps.db, items),
  });
  const bodyBudget = createBudget({ most: BODY_BYTES, small: SMALL_BYTES });
  const trials = createTrials(deps);
  const all = { ...deps, claim: claims.add, bodies: createBodies(), bodyBudget, trials };
  const underWay = new Map<string, Promise<Routing>>();
  return {
    routeRequests(dispatch) {
      // Temporal asks again where slow code took longer than a step may: that waits for the first run, and starts no other.
      const key = [dispatch.dispatchId, ...dispatch.requestIds].join();
      const known = underWay.get(key);
      if (known) return known;
      const run = routeRequests(all, dispatch);
      underWay.set(key, run);
      return run.finally(() => underWay.delete(key));
    },
  };
}
