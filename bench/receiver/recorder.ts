/** What arrived, in order of arrival; a column each, times in microseconds of the monotonic clock. */
export type Arrivals = {
  destination: Uint32Array;
  seq: Uint32Array;
  sentAtUs: Float64Array;
  arrivedAtUs: Float64Array;
};

/** What the load generator writes into each body, to be found again at the receiver. */
export type Mark = { run: number; seq: number; sentAtUs: number };

export type Recorder = ReturnType<typeof createRecorder>;

/** Keeps the arrivals of one run; what belongs to another run is late and not counted. */
export function createRecorder() {
  let run = 0;
  let rows: { destination: number; seq: number; sentAtUs: number; arrivedAtUs: number }[] = [];
  let seen = new Map<number, Set<number>>();
  let distinct = 0;
  return {
    begin(next: number): void {
      run = next;
      rows = [];
      seen = new Map();
      distinct = 0;
    },
    record(mark: Mark, { destination, arrivedAtUs }: { destination: number; arrivedAtUs: number }) {
      if (mark.run !== run) return;
      rows.push({ destination, seq: mark.seq, sentAtUs: mark.sentAtUs, arrivedAtUs });
      let seqs = seen.get(destination);
      if (!seqs) seen.set(destination, (seqs = new Set()));
      if (seqs.has(mark.seq)) return;
      seqs.add(mark.seq);
      distinct++;
    },
    progress: () => ({ arrivals: rows.length, distinct }),
    report: (): Arrivals => ({
      destination: Uint32Array.from(rows, (row) => row.destination),
      seq: Uint32Array.from(rows, (row) => row.seq),
      sentAtUs: Float64Array.from(rows, (row) => row.sentAtUs),
      arrivedAtUs: Float64Array.from(rows, (row) => row.arrivedAtUs),
    }),
  };
}

/** Finds the mark in a body; null where the body is not one of ours. */
export function readMark(body: Buffer): Mark | null {
  try {
    const { run, seq, sentAtUs } = JSON.parse(body.toString('utf8')) as Mark;
    return typeof seq === 'number' ? { run, seq, sentAtUs } : null;
  } catch {
    return null;
  }
}
