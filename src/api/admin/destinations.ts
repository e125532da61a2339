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
import { exampleDestination, exampleDestinationInput } from '../examples/destination.ts';
import { EXAMPLE_TIME } from '../examples/ids.ts';
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
    words: {
      create:
        'Creates a destination. `config.auth_type` says how Sluice authenticates to it, and `config.auth` holds what that needs. Without `type` it is an `HTTP` destination.',
      remove:
        'Deletes a destination and its connections. Nothing more is sent: each waiting event becomes `FAILED` with `retry_state: ENDED` and `error_code: CANCELLED`, at the latest when it is due, and its `next_attempt_at` is null at once. Events and attempts can be read until their retention ends.',
      disable:
        'Stops deliveries to a destination. Events that come due meanwhile become `FAILED` with `retry_state: ENDED` and `error_code: CANCELLED`, and its connections ignore new requests. To keep events instead, pause it.',
      enable:
        'Lets a destination receive deliveries again, also one that Sluice disabled after 410 Gone.',
    },
    example: {
      input: exampleDestinationInput,
      model: exampleDestination,
      shown: { ...exampleDestination, held_count: 0 },
    },
  });
  const gates = gateRoutes(deps, {
    kind: 'destination',
    plural: 'destinations',
    model: destination,
    words: {
      pause:
        'Holds all deliveries to a destination. Events wait with status `HOLD`, and nothing is lost. Requests already sent are completed.',
      resume:
        'Delivers the events that waited while the destination was paused, and new ones. It also ends a hold that the receiver asked for with `Retry-After`.',
    },
    example: (gate) => ({ ...exampleDestination, ...gate }),
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
    summary: 'Retrieve the circuit of a destination',
    description:
      'Tells whether Sluice holds deliveries back because the destination keeps failing or asked for it, and when it tries again with a single event.',
    tag: 'destinations',
    id: 'destination',
    response: circuit,
    example: {
      answer: { state: 'open', opened_at: EXAMPLE_TIME, probe_at: '2026-09-01T12:00:04.000Z' },
    },
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
