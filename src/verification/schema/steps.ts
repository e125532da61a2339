/** A check took more steps than one request may cost. */
export class TooManySteps extends Error {
  override readonly name = 'TooManySteps';
}

// A step is some tens of nanoseconds, so that a check is over in about a tenth of a second, whatever schema and body are.
const MOST_STEPS = 2_500_000;
let left = Infinity;

/** Runs a check that may take so many steps; throws `TooManySteps` where it would take more. */
export function withSteps<Result>(work: () => Result, most = MOST_STEPS): Result {
  left = most;
  try {
    return work();
  } finally {
    left = Infinity;
  }
}

/** Counts steps; a check is one piece of synchronous work, so one count for the process is enough. */
export function spend(steps: number): void {
  left -= steps;
  if (left < 0) throw new TooManySteps();
}

/** What looking at a value once costs, roughly: a schema may make the gateway look at it many times. */
export function spendOn(value: unknown): true {
  if (typeof value === 'string') spend(1 + (value.length >> 2));
  else if (Array.isArray(value)) spend(1 + value.length);
  else if (typeof value === 'object' && value !== null) spend(1 + Object.keys(value).length);
  else spend(1);
  return true;
}
