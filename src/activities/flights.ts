/** No outcome of an attempt: this process ends. Temporal runs the activity again, in another. */
export class Stopping extends Error {
  override readonly name = 'Stopping';
  constructor() {
    super('The gateway is stopping.');
  }
}

/** The events whose attempt is under way in this process, and the end of it all. */
export type Flights = {
  /** The number under which others see that this process lives; null as long as there is none. */
  holder(): number | null;
  holdAs(holder: number): void;
  /** Takes those of these events that nobody here attempts, until `leave`; returns them. */
  enter(eventIds: string[]): string[];
  leave(eventIds: string[]): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** What is being sent, unless its outcome is not waited for any more: then rejects with `Stopping`. */
  watch<Result>(work: Promise<Result>): Promise<Result>;
  /** From now on nothing new is to be sent. */
  stop(): void;
  isStopping(): boolean;
  /** Waits for no outcome any more. */
  giveUp(): void;
  hasGivenUp(): boolean;
};

export function createFlights(): Flights {
  const events = new Set<string>();
  const waiting = new Set<(error: Stopping) => void>();
  const onIdle: (() => void)[] = [];
  let holder: number | null = null;
  let stopping = false;
  let givenUp = false;
  return {
    holder: () => holder,
    holdAs: (given) => void (holder = given),
    enter(eventIds) {
      const free = eventIds.filter((id) => !events.has(id));
      for (const id of free) events.add(id);
      return free;
    },
    leave(eventIds) {
      for (const id of eventIds) events.delete(id);
      if (events.size > 0) return;
      for (const resolve of onIdle.splice(0)) resolve();
    },
    idle: () =>
      events.size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve)),
    watch: (work) =>
      new Promise((resolve, reject) => {
        if (givenUp) reject(new Stopping());
        else waiting.add(reject);
        work.then(resolve, reject).finally(() => waiting.delete(reject));
      }),
    stop: () => void (stopping = true),
    isStopping: () => stopping,
    giveUp() {
      stopping = true;
      givenUp = true;
      for (const reject of waiting) reject(new Stopping());
      waiting.clear();
    },
    hasGivenUp: () => givenUp,
  };
}
