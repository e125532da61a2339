/** Microseconds of the machine's monotonic clock: the same in every process of one host. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
