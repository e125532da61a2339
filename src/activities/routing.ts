import type { Dispatch, Routing } from '../domain/delivery.ts';
import { createBatcher } from '../db/batcher.ts';
import { claimFirst, type FirstClaim } from '../db/claims.ts';
import { routeRequests, type RoutingDependencies } from './routing/route-requests.ts';

export type RoutingActivities = {
  /** Takes requests through the rules of their connections and commits the events they make. */
  routeRequests(dispatch: Dispatch): Promise<Routing>;
};

export function createRoutingActivities(
  deps: Omit<RoutingDependencies, 'claim'>,
): RoutingActivities {
  const claims = createBatcher<FirstClaim, string>({
    maxItems: 500,
    run: (items) => claimFirst(deps.db, items),
  });
  const underWay = new Map<string, Promise<Routing>>();
  return {
    routeRequests(dispatch) {
      // Temporal asks again where slow code took longer than a step may: that waits for the first run, and starts no other.
      const key = [dispatch.dispatchId, ...dispatch.requestIds].join();
      const known = underWay.get(key);
      if (known) return known;
      const run = routeRequests({ ...deps, claim: claims.add }, dispatch);
      underWay.set(key, run);
      return run.finally(() => underWay.delete(key));
    },
  };
}
