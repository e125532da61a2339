import type { Arrivals } from './receiver/recorder.ts';

/** How complete a run was, counted by sequence number at each destination. */
export type Completeness = {
  delivered: number;
  unique: number;
  duplicates: number;
  /** Acknowledged requests that did not reach a destination they should have. */
  lost: number;
};

/** Counts what arrived at these destinations against what was acknowledged. */
export function completeness(
  arrivals: Arrivals,
  { destinations, acked }: { destinations: number[]; acked: Uint32Array },
): Completeness {
  const seen = new Map(destinations.map((id) => [id, new Set<number>()]));
  let delivered = 0;
  arrivals.destination.forEach((destination, i) => {
    const seqs = seen.get(destination);
    if (!seqs) return;
    delivered++;
    seqs.add(arrivals.seq[i]!);
  });
  let unique = 0;
  let lost = 0;
  for (const seqs of seen.values()) {
    unique += seqs.size;
    for (const seq of acked) if (!seqs.has(seq)) lost++;
  }
  return { delivered, unique, duplicates: delivered - unique, lost };
}

/** Times from before the POST to arrival (microseconds) of what went to these destinations and was sent in [fromUs, toUs). */
export function latencies(
  arrivals: Arrivals,
  {
    destinations,
    fromUs = -Infinity,
    toUs = Infinity,
  }: { destinations: number[]; fromUs?: number; toUs?: number },
): number[] {
  const wanted = new Set(destinations);
  const found: number[] = [];
  arrivals.sentAtUs.forEach((sentAtUs, i) => {
    if (!wanted.has(arrivals.destination[i]!) || sentAtUs < fromUs || sentAtUs >= toUs) return;
    found.push(arrivals.arrivedAtUs[i]! - sentAtUs);
  });
  return found;
}

/** When things arrived at one destination, with their numbers, in order of arrival. */
export function arrivalsAt(
  arrivals: Arrivals,
  destination: number,
): { seq: number; sentAtUs: number; arrivedAtUs: number }[] {
  const found: { seq: number; sentAtUs: number; arrivedAtUs: number }[] = [];
  arrivals.destination.forEach((id, i) => {
    if (id !== destination) return;
    const [seq, sentAtUs] = [arrivals.seq[i]!, arrivals.sentAtUs[i]!];
    found.push({ seq, sentAtUs, arrivedAtUs: arrivals.arrivedAtUs[i]! });
  });
  return found;
}

/** How often a delivery arrived after one that left later, among those of one customer. */
export function orderViolations(seqs: number[], customers: number): number {
  const last = new Map<number, number>();
  let violations = 0;
  for (const seq of seqs) {
    const before = last.get(seq % customers) ?? -1;
    if (seq < before) violations++;
    else last.set(seq % customers, seq);
  }
  return violations;
}
