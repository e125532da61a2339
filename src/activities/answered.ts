import { gatewayNow } from '../db/clock.ts';
import type { AttemptOutcome, SentAttempt } from '../domain/outcome.ts';
import { isRedirect, redirectMessage } from '../domain/redirect.ts';
import type { Destination } from '../db/configuration.ts';
import { disableGone, holdDestination } from '../db/destinations.ts';
import type { Database } from '../db/pool.ts';
import type { Log } from '../log.ts';
import type { Circuits } from './circuit.ts';

/** What an answer means for its whole destination. */
export type Answered = {
  /** The outcome as it counts for its event: waits no longer than the longest, no retry where the receiver is gone. */
  meant(outcome: AttemptOutcome, destination: Destination): AttemptOutcome;
  /** Holds or disables the destination where the answer says so. */
  obey(outcome: AttemptOutcome, attempt: { destination: Destination; id: string }): Promise<void>;
};

type Dependencies = {
  db: Database;
  circuits: Pick<Circuits, 'hold' | 'heldUntilMs'>;
  log: Log;
  /** The longest wait that a receiver is granted. */
  retryAfterMaxMs: number;
};

const GONE = 410;
// What tells of the receiver as a whole, and not of one event.
const BUSY = new Set([429, 503]);
// Many attempts end together: a hold that lasts hardly longer is none that has to be written.
const SAME_MS = 1_000;

export function createAnswered(deps: Dependencies): Answered {
  const { db, circuits, log, retryAfterMaxMs } = deps;

  async function hold(destination: Destination, ms: number): Promise<void> {
    const { id } = destination;
    const untilMs = gatewayNow() + ms;
    if (untilMs <= (circuits.heldUntilMs(id) ?? 0) + SAME_MS) return;
    circuits.hold(id, untilMs);
    log.info({ destination: id, forMs: ms }, 'The destination asked for a pause');
    await holdDestination(db, { id, url: destination.config.url ?? '', ms });
  }

  async function disable(destination: Destination, attemptId: string): Promise<void> {
    const { id, config } = destination;
    const reason = `The destination answered 410 Gone (${attemptId}): it wants no more events. Enable it to send again.`;
    if (await disableGone(db, { id, url: config.url ?? '', reason })) {
      log.warn(
        { destination: id, attempt: attemptId },
        'The destination responded 410 Gone and was disabled',
      );
    }
  }

  return {
    meant(raw, destination) {
      if (raw.kind !== 'failed') return raw;
      if (isGone(raw, destination)) return { ...raw, retryAfter: { kind: 'stop' } };
      const outcome = isRedirect(raw.responseStatus) ? explained(raw) : raw;
      const { retryAfter } = outcome;
      if (retryAfter?.kind !== 'at-least' || retryAfter.ms <= retryAfterMaxMs) return outcome;
      return { ...outcome, retryAfter: { kind: 'at-least', ms: retryAfterMaxMs } };
    },
    async obey(outcome, { destination, id }) {
      if (outcome.kind !== 'failed') return;
      try {
        const { responseStatus: status, retryAfter } = outcome;
        if (isGone(outcome, destination)) await disable(destination, id);
        else if (retryAfter?.kind === 'at-least' && retryAfter.ms > 0 && BUSY.has(status ?? 0)) {
          await hold(destination, retryAfter.ms);
        }
      } catch (error) {
        // In this process it holds all the same; the next answer of that kind writes it.
        log.warn(
          { error, destination: destination.id },
          'What a destination asked for was not kept',
        );
      }
    },
  };
}

/** A redirect that says where it leads. */
function explained(outcome: SentAttempt): SentAttempt {
  const more = redirectMessage(outcome.location);
  return { ...outcome, message: outcome.message === null ? more : `${more} ${outcome.message}` };
}

function isGone(outcome: AttemptOutcome, { config }: Destination): boolean {
  return (
    outcome.kind === 'failed' && outcome.responseStatus === GONE && (config.disable_on_gone ?? true)
  );
}
