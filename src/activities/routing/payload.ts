import { decodeBodyLater } from '../../verification/decoding.ts';
import { createLine } from '../../verification/opening.ts';
import {
  codingOf,
  mostBytesOf,
  openRequest,
  type BodyProblem,
  type OpenedRequest,
  type RawRequest,
  type RequestParts,
} from '../../verification/request-parts.ts';

/** What a rule sees and changes: the request as bytes. */
export type Payload = RawRequest;

/** A payload as filters, deduplication and user code see it. */
export type SeenPayload = Payload & {
  /** Whether a transformation made it. */
  changed: boolean;
  /** Calls `use` with the payload parsed; what it returns must not hold on to the parts. */
  open<Result>(use: Use<Result>): Promise<Result>;
  /** What a transformation made of it. */
  became(payload: Payload): SeenPayload;
};

/** Looks at a payload that is parsed; `writtenBody` is its body with the numbers as they were written. */
type Use<Result> = (parts: RequestParts, writtenBody: () => unknown) => Result;

/** All payloads that come from one request. */
export type RequestBodies = {
  see(payload: Payload): SeenPayload;
  /** What kept one of those that were opened from being parsed. */
  problem(): BodyProblem | null;
  /** Lets go of what is kept parsed. */
  close(): void;
};

// What a short JSON takes parsed, for each of its bytes, at worst: `[],` is 40 bytes.
const PARSED_BYTES = 16;
const MOST_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * What is decoded and parsed in this process, of all that is being routed: one budget. Payloads that fit into it stay
 * parsed while their request is planned. The others are opened one at a time, for whoever looks at them just then, and
 * again for the next look: nobody waits for memory that somebody else keeps.
 */
export function createBodies({
  mostKeptBytes = MOST_KEPT_BYTES,
}: {
  mostKeptBytes?: number;
} = {}): { ofRequest(): RequestBodies; keptBytes(): number } {
  const line = createLine(1);
  let keptBytes = 0;

  function ofRequest(): RequestBodies {
    let problem: BodyProblem | null = null;
    let ownBytes = 0;
    let isClosed = false;

    function note(opened: OpenedRequest): OpenedRequest {
      problem ??= opened.problem;
      return opened;
    }

    function see(payload: Payload, changed: boolean): SeenPayload {
      const contentEncoding = codingOf(payload);
      const bytes = PARSED_BYTES * mostBytesOf(payload);
      const openAlone = createAlone(async () => {
        const decoded = await decodeBodyLater(payload.body, { contentEncoding });
        return () => note(openRequest(payload, decoded));
      }, line);
      let kept: OpenedRequest | undefined;
      return {
        ...payload,
        changed,
        became: (next) => see(next, true),
        async open(use) {
          if (kept) return use(kept.parts, kept.writtenBody);
          if (isClosed || keptBytes + bytes > mostKeptBytes) return openAlone(use);
          keptBytes += bytes;
          ownBytes += bytes;
          kept = note(openRequest(payload));
          return use(kept.parts, kept.writtenBody);
        },
      };
    }

    return {
      see: (payload) => see(payload, false),
      problem: () => problem,
      close() {
        isClosed = true;
        keptBytes -= ownBytes;
        ownBytes = 0;
      },
    };
  }

  return { ofRequest, keptBytes: () => keptBytes };
}

/** Opens something when its turn comes, for all who ask until then, and lets go of it. */
function createAlone(
  prepare: () => Promise<() => OpenedRequest>,
  line: ReturnType<typeof createLine>,
): <Result>(use: Use<Result>) => Promise<Result> {
  let asking: {
    use: Use<unknown>;
    resolve: (result: unknown) => void;
    reject: (error: unknown) => void;
  }[] = [];
  async function answer(): Promise<void> {
    const open = await prepare();
    const { parts, writtenBody } = open();
    const answered = asking;
    asking = [];
    for (const { use, resolve, reject } of answered) {
      try {
        resolve(use(parts, writtenBody));
      } catch (error) {
        reject(error);
      }
    }
  }
  return <Result>(use: Use<Result>) =>
    new Promise<Result>((resolve, reject) => {
      asking.push({ use, resolve: (result) => resolve(result as Result), reject });
      if (asking.length > 1) return;
      line.run(answer).catch((error: unknown) => {
        for (const each of asking.splice(0)) each.reject(error);
      });
    });
}
