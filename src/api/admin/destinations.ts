import { listOpenCircuits } from '../../db/circuits.ts';
import {
  deleteDestination,
  type DestinationRow,
  destinations,
  disableDestination,
  enableDestination,
} from '../../db/destinations.ts';
import { giveOwnSecret } from '../../db/signing-secrets.ts';
import { countHeld } from '../../db/gates.ts';
import {
  circuit,
  destination,
  destinationInput,
  destinationUpdate,
  type DestinationUpdate,
} from '../../domain/schema/destination.ts';
import { DestinationType } from '../../domain/status.ts';
import type { ApiDeps } from '../deps.ts';
import { heldUntil, renderDestination } from '../render.ts';
import { type Route, route } from '../route.ts';
import { gateRoutes } from './gate-routes.ts';
import { type Named, present } from './named-content.ts';
import { namedRoutes } from './named-routes.ts';
import { authOfDestination, prepareDestination } from './prepare-destination.ts';

/** How destinations are made and changed; connections make them too. */
export function namedDestinations(deps: ApiDeps): Named<DestinationRow, DestinationUpdate> {
  return {
    kind: 'destination',
    rows: destinations,
    prepare: prepareDestination(deps),
    complete: (db, made) => giveOwnSecret(db, { sealer: deps.sealer, ...made }),
  };
}

/** `/destinations` */
export function destinationRoutes(deps: ApiDeps): Route[] {
  const routes = namedRoutes(deps, {
    ...namedDestinations(deps),
    plural: 'destinations',
    types: Object.values(DestinationType),
    input: destinationInput,
    update: destinationUpdate,
    model: destination,
    render: (row) => renderDestination(row),
    async show(row, auth) {
      const heldCount = await countHeld(deps.db, { kind: 'destination', id: row.id });
      return renderDestination(row, { heldCount, ...(auth && { auth }) });
    },
    authOf: (row) => authOfDestination(deps, row),
    disable: disableDestination,
    enable: enableDestination,
    remove: deleteDestination,
  });
  const gates = gateRoutes(deps, {
    kind: 'destination',
    plural: 'destinations',
    model: destination,
    async show(key, shown) {
      const row = present(await destinations.find(deps.db, key), key.id);
      return renderDestination(row, shown);
    },
  });
  return [...routes, ...gates, circuitRoute(deps)];
}

function circuitRoute({ db }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/destinations/:id/circuit',
    summary: 'Whether deliveries are held back because it keeps failing, and when it is probed',
    tag: 'destinations',
    id: 'destination',
    response: circuit,
    async handle({ projectId, id }) {
      const held = heldUntil(present(await destinations.find(db, { projectId, id }), id));
      const [open] = await listOpenCircuits(db, [id]);
      const probeAt = held ?? open?.probeAt ?? null;
      return {
        state: probeAt ? ('open' as const) : ('closed' as const),
        opened_at: open?.openedAt.toISOString() ?? null,
        probe_at: probeAt?.toISOString() ?? null,
      };
    },
  });
}
