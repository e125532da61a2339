/** A start that cannot go on until the user mends something: one sentence on what is wrong, one on what to do. */
export class StartupError extends Error {
  override name = 'StartupError';
}
