/** Some bytes of a pool, until they are given back; null where no room came in time. */
export type Bytes = { give: () => void };

export type PoolOfBytes = {
  /** Takes bytes for a sender: at once where there is room, or else in turn. */
  take(sender: string, bytes: number): Promise<Bytes | null>;
  /** Takes bytes that are there already, whatever is left. */
  add(sender: string, bytes: number): Bytes;
  /** Whether somebody waits for what this sender holds. */
  isShort(sender: string): boolean;
  used(): number;
};

type Waiting = {
  sender: string;
  bytes: number;
  settle: (taken: Bytes | null) => void;
};

type Options = {
  bytes: number;
  /** What one sender may have of it. */
  perSender: number;
  mostWaiting: number;
  waitMs: number;
};

/** A number of bytes that many share. The smallest wish that fits is granted first: a large one never holds up small ones. */
export function createPoolOfBytes({
  bytes: all,
  perSender,
  mostWaiting,
  waitMs,
}: Options): PoolOfBytes {
  const held = new Map<string, number>();
  const line = new Set<Waiting>();
  let used = 0;

  const fits = ({ sender, bytes }: Pick<Waiting, 'sender' | 'bytes'>) =>
    used + bytes <= all && (held.get(sender) ?? 0) + bytes <= perSender;

  function add(sender: string, bytes: number): Bytes {
    used += bytes;
    held.set(sender, (held.get(sender) ?? 0) + bytes);
    let isGiven = false;
    return {
      give() {
        if (isGiven) return;
        isGiven = true;
        used -= bytes;
        const left = (held.get(sender) ?? 0) - bytes;
        if (left > 0) held.set(sender, left);
        else held.delete(sender);
        serve();
      },
    };
  }

  function serve(): void {
    if (line.size === 0 || used >= all) return;
    for (const wish of [...line].toSorted((a, b) => a.bytes - b.bytes)) {
      if (fits(wish)) wish.settle(add(wish.sender, wish.bytes));
    }
  }

  function wait(sender: string, bytes: number): Promise<Bytes | null> {
    return new Promise((resolve) => {
      const wish: Waiting = {
        sender,
        bytes,
        settle(taken) {
          clearTimeout(timer);
          line.delete(wish);
          resolve(taken);
        },
      };
      const timer = setTimeout(() => wish.settle(null), waitMs);
      line.add(wish);
    });
  }

  return {
    async take(sender, bytes) {
      if (fits({ sender, bytes })) return add(sender, bytes);
      // What can never fit need not wait for it.
      if (bytes > Math.min(all, perSender) || line.size >= mostWaiting) return null;
      return wait(sender, bytes);
    },
    add,
    isShort(sender) {
      for (const wish of line) {
        if (wish.sender === sender || used + wish.bytes > all) return true;
      }
      return false;
    },
    used: () => used,
  };
}
