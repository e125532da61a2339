import type { Arrival, NewRequest } from '../../db/requests.ts';
import { RejectionCause } from '../../domain/status.ts';

/** How much is kept of what nobody vouches for. */
export type RejectedBodies = { keep(arrival: Arrival): Arrival };

// Anybody can send these: they come from who could not show that he may, and were told so.
const ANYBODYS: (RejectionCause | null)[] = [
  RejectionCause.VerificationFailed,
  RejectionCause.UnsupportedHttpMethod,
];

// What one process keeps of them in a minute, before only their beginnings are kept.
const BYTES_A_MINUTE = 64 * 1024 * 1024;
const MINUTE_MS = 60_000;
const BEGINNING_BYTES = 1_024;

/**
 * Cuts the bodies of requests that were refused to `maxBytes`, and shorter while very many come; the request says so.
 * `onRejected` hears of each that is rejected, however little is kept of it.
 */
export function createRejectedBodies(
  {
    maxBytes,
    onRejected = () => {},
  }: { maxBytes: number; onRejected?: (cause: RejectionCause) => void },
  now = () => performance.now(),
): RejectedBodies {
  let sinceMs = now();
  let bytes = 0;
  return {
    keep(arrival) {
      const { request } = arrival;
      if (request.rejectionCause !== null) onRejected(request.rejectionCause);
      if (!ANYBODYS.includes(request.rejectionCause)) return arrival;
      if (now() - sinceMs >= MINUTE_MS) {
        sinceMs = now();
        bytes = 0;
      }
      const most = bytes >= BYTES_A_MINUTE ? Math.min(BEGINNING_BYTES, maxBytes) : maxBytes;
      bytes += Math.min(request.body.length, most);
      return request.body.length <= most ? arrival : { ...arrival, request: cut(request, most) };
    },
  };
}

function cut(request: NewRequest, keptBytes: number): NewRequest {
  const body_cut = { received_bytes: request.body.length, kept_bytes: keptBytes };
  return {
    ...request,
    // A copy: a view would keep the whole of it in memory.
    body: Buffer.from(request.body.subarray(0, keptBytes)),
    rejectionDetail: { ...(request.rejectionDetail as object | null), body_cut },
  };
}
