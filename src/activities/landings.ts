/** Waits for what was sent off one by one; the first that failed is told at the end. */
export type Landings = {
  add(flight: Promise<void>): void;
  failed(): boolean;
  /** Resolves when all that were added are over, also those that failed. */
  all(): Promise<void>;
  /** Throws what the first that failed threw. */
  check(): void;
};

export function createLandings(): Landings {
  const flights: Promise<void>[] = [];
  const errors: unknown[] = [];
  return {
    add(flight) {
      flights.push(flight.catch((error: unknown) => void errors.push(error)));
    },
    failed: () => errors.length > 0,
    all: async () => void (await Promise.all(flights)),
    check() {
      if (errors.length > 0) throw errors[0];
    },
  };
}
