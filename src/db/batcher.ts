/** Takes items one by one and hands them on together: a batch is whatever gathered while the previous one was under way. */
export type Batcher<Item, Result> = {
  /** Resolves with the item's own result; rejects with `BacklogFull` when too much waits already. */
  add(item: Item): Promise<Result>;
  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void>;
};

type Options<Item, Result> = {
  /** Does the work for a batch; the results stand in the order of the items. */
  run: (items: Item[]) => Promise<Result[]>;
  bytesOf?: (item: Item) => number;
  maxItems: number;
  /** Bytes in one batch, and bytes that may wait in all. */
  maxBatchBytes?: number;
  maxWaitingBytes?: number;
  /** An item that waits longer than this is refused: whoever waits for it has better chances elsewhere. */
  maxAgeMs?: number;
  maxInFlight?: number;
  /** How long after one batch the next begins at the earliest, unless there is enough; what comes alone waits for nothing. */
  gatherMs?: number;
  /** So many need not wait for more to gather; as many as fit into a batch unless said. */
  enough?: number;
  /** Whether the fault of a batch may be one item's: then each is tried alone, so that a poison item fails alone. */
  isItemFault?: (error: unknown) => boolean;
};

type Waiting<Item, Result> = {
  item: Item;
  bytes: number;
  since: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
};

/** More waits than may wait, or something waited too long. */
export class BacklogFull extends Error {
  override readonly name = 'BacklogFull';
}

/** A natural batcher: no added delay while idle, and no timer unless it is told to gather. */
export function createBatcher<Item, Result>(options: Options<Item, Result>): Batcher<Item, Result> {
  const { maxItems, maxInFlight = 1, gatherMs = 0, bytesOf = () => 0 } = options;
  const { enough = maxItems } = options;
  const { maxBatchBytes = Infinity, maxWaitingBytes = Infinity, maxAgeMs = Infinity } = options;
  let waiting: Waiting<Item, Result>[] = [];
  let waitingBytes = 0;
  let inFlight = 0;
  let scheduled = false;
  let beganAt = -Infinity;
  let ageTimer: NodeJS.Timeout | undefined;
  let gathering: NodeJS.Timeout | undefined;
  let onIdle: (() => void)[] = [];

  function add(item: Item): Promise<Result> {
    const bytes = bytesOf(item);
    if (waitingBytes + bytes > maxWaitingBytes && waiting.length > 0) {
      return Promise.reject(new BacklogFull('Too many bytes wait to be stored'));
    }
    return new Promise((resolve, reject) => {
      waiting.push({ item, bytes, since: performance.now(), resolve, reject });
      waitingBytes += bytes;
      watchAge();
      if (scheduled || inFlight >= maxInFlight) return;
      if (gathering && waiting.length < enough) return;
      // Whatever else arrives in this turn of the event loop goes along.
      scheduled = true;
      setImmediate(flush);
    });
  }

  function flush(): void {
    scheduled = false;
    refuseOld();
    while (waiting.length > 0 && inFlight < maxInFlight) {
      if (gather()) break;
      beganAt = performance.now();
      const batch = take();
      inFlight++;
      void settle(batch, options).finally(() => {
        inFlight--;
        flush();
      });
    }
    if (waiting.length > 0 || inFlight > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  }

  /** Whether more should gather before the next batch begins; it begins by itself then. */
  function gather(): boolean {
    const leftMs = beganAt + gatherMs - performance.now();
    if (leftMs <= 0 || waiting.length >= enough) return false;
    gathering ??= setTimeout(() => {
      gathering = undefined;
      flush();
    }, leftMs);
    return true;
  }

  // A batch that never comes back must not keep the others from hearing so.
  function watchAge(): void {
    if (maxAgeMs === Infinity || ageTimer !== undefined) return;
    ageTimer = setTimeout(() => {
      ageTimer = undefined;
      refuseOld();
      if (waiting.length > 0) watchAge();
    }, maxAgeMs);
    ageTimer.unref();
  }

  function take(): Waiting<Item, Result>[] {
    let count = 0;
    let bytes = 0;
    while (count < waiting.length && count < maxItems) {
      const next = waiting[count]!.bytes;
      if (count > 0 && bytes + next > maxBatchBytes) break;
      bytes += next;
      count++;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    waitingBytes -= bytes;
    return batch;
  }

  function refuseOld(): void {
    const oldest = performance.now() - maxAgeMs;
    while (waiting.length > 0 && waiting[0]!.since < oldest) {
      const refused = waiting.shift()!;
      waitingBytes -= refused.bytes;
      refused.reject(new BacklogFull('Waited too long to be stored'));
    }
  }

  return {
    add,
    idle: () =>
      waiting.length === 0 && inFlight === 0
        ? Promise.resolve()
        : new Promise((resolve) => onIdle.push(resolve)),
  };
}

async function settle<Item, Result>(
  batch: Waiting<Item, Result>[],
  { run, isItemFault = () => false }: Options<Item, Result>,
): Promise<void> {
  try {
    const results = await run(batch.map((waiting) => waiting.item));
    batch.forEach((waiting, i) => waiting.resolve(results[i]!));
  } catch (error) {
    if (batch.length === 1 || !isItemFault(error)) {
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    for (const waiting of batch) await settle([waiting], { run, maxItems: 1 });
  }
}
