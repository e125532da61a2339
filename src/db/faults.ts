/** Whether PostgreSQL refused the data itself (SQLSTATE classes 21, 22, 23, 54), and not the moment. */
export function isDataFault(error: unknown): boolean {
  return /^(?:2[123]|54)/.test(sqlState(error));
}

/** Whether a partition was made under a statement, for a row that was on its way to the default one. */
export function isPartitionMade(error: unknown): boolean {
  return (
    sqlState(error) === '23514' &&
    error instanceof Error &&
    error.message.includes('partition constraint')
  );
}

// What the driver says, in these words alone, when it gave up waiting for a connection or for an answer.
const GAVE_UP =
  /^(?:timeout exceeded when trying to connect|Connection terminated due to connection timeout|Query read timeout)$/;
const CANCELLED = new Set(['55P03', '57014']);

/** Whether a statement was given up because a connection, a lock or its end took too long: it may go through later. */
export function isTimeout(error: unknown): boolean {
  if (CANCELLED.has(sqlState(error))) return true;
  return error instanceof Error && GAVE_UP.test(error.message);
}

function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}
