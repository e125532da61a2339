import type { Log } from '../log.ts';
import { createAdmission, type Admission } from './admission.ts';
import { createBodySizes, type BodySizes } from './body-sizes.ts';
import { createCircuits, type Circuits } from './circuit.ts';
import { recordCircuits } from './circuit-rows.ts';
import { createFlights, Stopping, type Flights } from './flights.ts';
import { createPlaces, type Credits, type Places } from './limiter.ts';
import { createPacer, type Pacer } from './pacer.ts';
import { wakeFirst, type WakeDependencies } from './pump.ts';
import { createSlowStart, type SlowStart } from './slow-start.ts';

/** What one process knows of what goes on at every destination, and what keeps one from taking all there is. */
export type Traffic = {
  /** Open requests to each destination from this process. */
  places: Places;
  /** What is under way here, and the end of it. */
  flights: Flights;
  bodySizes: BodySizes;
  circuits: Circuits;
  admission: Admission;
  pacer: Pacer;
  slowStart: SlowStart;
  /** Sends nothing new any more; what is on the wire may come to its end. */
  stop(): void;
  close(): Promise<void>;
};

export type TrafficDependencies = WakeDependencies & {
  worker: string;
  log: Log;
  /** Attempts that may be begun, to all destinations together; as many as there are unless said. */
  credits?: Credits;
  /** Until when a destination is held as its row says. */
  keptUntilMs?: (destinationId: string) => number | null;
};

// A place is kept until the outcome is written, some 30 ms: 64 held one destination to 2,000 events a second. What hangs
// fills them all and ends at once, which everybody feels: no more than it takes.
const PER_DESTINATION = 80;

export function createTraffic({ worker, log, credits, ...deps }: TrafficDependencies): Traffic {
  const { keptUntilMs = () => null } = deps;
  const { db } = deps;
  const onError = (error: unknown) => log.warn({ error }, 'Could not track deliveries in progress');
  const rows = recordCircuits({ db, worker, onError });
  const slowStart = createSlowStart();
  const circuits = createCircuits({
    keptUntilMs,
    onChange(destinationId, state) {
      log.info({ destination: destinationId, ...state }, 'Circuit changed');
      rows.write(destinationId, state);
      if (!state.open) slowStart.begin(destinationId);
      admission.circuitChanged(destinationId, state.probeAtMs);
    },
  });
  const admission = createAdmission({
    circuits,
    wakeFirst: async (order) => (await wakeFirst(deps, order)).workflows,
    onError,
  });
  const pacer = createPacer({ db, onError });
  const flights = createFlights();
  const places = createPlaces(PER_DESTINATION, credits);
  return {
    places,
    flights,
    bodySizes: createBodySizes(),
    circuits,
    admission,
    pacer,
    slowStart,
    stop() {
      flights.stop();
      places.close(new Stopping());
    },
    async close() {
      admission.close();
      pacer.close();
      await rows.close();
    },
  };
}
