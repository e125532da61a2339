/** A rate that was tried, and whether the gateway kept up. */
export type Point = { rate: number; sustained: boolean };

const STEP_UP = 1.3;
const STEP_DOWN = 0.7;
const FINE_ENOUGH = 0.05;
const ROUND_TO = 25;

/** The next rate to try: up until one fails, down until one holds, then between the two; null when it is known to 5 %. */
export function nextRate(points: Point[], { start }: { start: number }): number | null {
  const held = highestSustained(points);
  const failing = points.filter((point) => !point.sustained).map((point) => point.rate);
  const failed = failing.length > 0 ? Math.min(...failing) : null;
  if (held === null && failed === null) return start;
  if (failed === null) return rounded(held! * STEP_UP);
  if (held === null) return failed <= ROUND_TO ? null : rounded(failed * STEP_DOWN);
  const middle = rounded((held + failed) / 2);
  const known = (failed - held) / held <= FINE_ENOUGH || middle <= held || middle >= failed;
  return known ? null : middle;
}

export function highestSustained(points: Point[]): number | null {
  const held = points.filter((point) => point.sustained).map((point) => point.rate);
  return held.length > 0 ? Math.max(...held) : null;
}

function rounded(rate: number): number {
  return Math.max(ROUND_TO, Math.round(rate / ROUND_TO) * ROUND_TO);
}
