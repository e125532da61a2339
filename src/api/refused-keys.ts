import { senderOf } from './edge/addresses.ts';

const BURST = 60;
const PER_SECOND = 1;
const MOST_SENDERS = 10_000;

/**
 * How often each address came with a wrong key: 60 at once, and then one a second. Right keys are not looked up here, so
 * that nobody is slowed by a neighbour. The oldest addresses are forgotten first.
 */
export function createRefusals({ nowMs = () => performance.now() } = {}) {
  const senders = new Map<string, { left: number; atMs: number }>();
  function of(address: string | null): { left: number; atMs: number } {
    const now = nowMs();
    const { left, atMs } = senders.get(senderOf(address)) ?? { left: BURST, atMs: now };
    return { left: Math.min(BURST, left + ((now - atMs) / 1_000) * PER_SECOND), atMs: now };
  }
  return {
    mayTry: (address: string | null) => of(address).left >= 1,
    /** Counts one more; false where it was one too many. */
    count(address: string | null): boolean {
      const sender = of(address);
      const isAllowed = sender.left >= 1;
      const name = senderOf(address);
      senders.delete(name);
      senders.set(name, { ...sender, left: sender.left - (isAllowed ? 1 : 0) });
      if (senders.size > MOST_SENDERS) senders.delete(senders.keys().next().value!);
      return isAllowed;
    },
    size: () => senders.size,
  };
}
