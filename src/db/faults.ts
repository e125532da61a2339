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

function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}
