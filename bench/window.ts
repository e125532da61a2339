/** The largest number of moments that lie within any window of this length; the window's end is not part of it. */
export function mostInWindow(moments: Iterable<number>, length: number): number {
  const sorted = Float64Array.from(moments).toSorted();
  let most = 0;
  let first = 0;
  for (let last = 0; last < sorted.length; last++) {
    while (sorted[last]! - sorted[first]! >= length) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
