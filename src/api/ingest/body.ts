import type { IncomingMessage } from 'node:http';
import { mostDecodedBytes } from '../../verification/decoding.ts';
import { senderOf } from '../edge/addresses.ts';
import { callerOf } from '../edge/caller.ts';
import { SMALL_BYTES, type BodyBudget } from './body-budget.ts';
import { createGrowingBuffer } from './growing-buffer.ts';
import type { Bytes, PoolOfBytes } from './pool-of-bytes.ts';

/** A body read to its end, or why it was not. */
export type ReadBody =
  | { kind: 'read'; body: Buffer }
  | { kind: 'too-large' }
  | { kind: 'aborted' }
  /** It came too slowly. */
  | { kind: 'slow' }
  /** It came in pieces of a few bytes each. */
  | { kind: 'crumbs' }
  /** There was no room for it. */
  | { kind: 'busy' };

// Each piece costs as much as a small request: nobody needs so many that are so small.
const MOST_CRUMBS = 4_096;
const CRUMB_BYTES = 8;

type Options = { maxBytes: number; budget: BodyBudget };

/** A body with what it holds of the budget: to be released once nothing of the request is needed any more. */
export type HeldBody = { read: ReadBody; release: () => void };

/**
 * Reads a request's raw bytes, no more of them than the budget has room for: where it has none, the sender is made to
 * wait by reading nothing. Stops at the limit while bytes are still coming in.
 */
export async function readBody(
  req: IncomingMessage,
  { maxBytes, budget }: Options,
): Promise<HeldBody> {
  const sender = senderOf(callerOf(req).address);
  const held = holdFor(sender);
  const { release } = held;
  const length = req.headers['content-length'];
  const expected = length === undefined ? null : Number(length);
  if ((expected ?? 0) > maxBytes) return { read: { kind: 'too-large' }, release };

  const isLarge = expected !== null && expected > SMALL_BYTES;
  const [pool, bytes] = isLarge
    ? ([budget.large, expected] as const)
    : ([budget.small, expected ?? SMALL_BYTES] as const);
  if (!(await held.take(pool, bytes))) return { read: { kind: 'busy' }, release };
  const more = () => held.take(budget.large, maxBytes);
  const read = await collect(req, { maxBytes, budget, sender, expected, isLarge, more });
  if (read.kind !== 'read') {
    release();
    return { read, release };
  }
  const { length: actual } = read.body;
  if (expected === null) held.instead(actual > SMALL_BYTES ? budget.large : budget.small, actual);
  const coding = req.headers['content-encoding'];
  const grown = coding === undefined ? 0 : mostDecodedBytes(actual, coding);
  const hasRoom = grown === 0 || (await held.take(budget.decoded, grown));
  return { read: hasRoom ? read : { kind: 'busy' }, release };
}

/** What one body holds. */
function holdFor(sender: string) {
  let held: Bytes[] = [];
  const release = () => {
    for (const bytes of held) bytes.give();
    held = [];
  };
  return {
    release,
    async take(pool: PoolOfBytes, bytes: number): Promise<boolean> {
      const taken = await pool.take(sender, bytes);
      if (taken) held.push(taken);
      return taken !== null;
    },
    /** Now that it is known how many there are. */
    instead(pool: PoolOfBytes, bytes: number): void {
      const actual = pool.add(sender, bytes);
      release();
      held = [actual];
    },
  };
}

type Collecting = Options & {
  sender: string;
  expected: number | null;
  isLarge: boolean;
  /** Takes what a body of unknown length may need beyond a small one. */
  more: () => Promise<boolean>;
};

function collect(req: IncomingMessage, collecting: Collecting): Promise<ReadBody> {
  const { maxBytes, budget, sender, expected, isLarge, more } = collecting;
  // It may have gone while it waited.
  if (req.destroyed && !req.complete) return Promise.resolve({ kind: 'aborted' });
  return new Promise((resolve) => {
    const buffer = createGrowingBuffer(expected);
    let hasMore = expected !== null;
    let pieces = 0;
    const pool = isLarge ? budget.large : budget.small;
    const stop = (kind: Exclude<ReadBody['kind'], 'read'>) => {
      req.pause();
      req.removeAllListeners('data');
      buffer.drop();
      end({ kind });
    };
    const reader = { bytes: 0, sender, pool, isHeld: false, end: stop };
    const leave = budget.readers.add(reader);
    const end = (result: ReadBody) => {
      leave();
      resolve(result);
    };
    const enlarge = async () => {
      hasMore = true;
      reader.isHeld = true;
      req.pause();
      if (!(await more())) return stop('busy');
      Object.assign(reader, { isHeld: false, pool: budget.large });
      req.resume();
    };
    req.on('data', (chunk: Buffer) => {
      reader.bytes += chunk.length;
      if (reader.bytes > maxBytes) return stop('too-large');
      if (++pieces > MOST_CRUMBS && reader.bytes < pieces * CRUMB_BYTES) return stop('crumbs');
      buffer.add(chunk);
      if (!hasMore && reader.bytes > SMALL_BYTES) void enlarge();
    });
    req.on('end', () => end({ kind: 'read', body: buffer.whole() }));
    req.on('error', () => stop('aborted'));
    req.on('close', () => stop('aborted'));
  });
}
