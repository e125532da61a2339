import type { Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.ts';

// temporal.api.enums.v1.IndexedValueType
const VALUE_TYPES = { Keyword: 2, KeywordList: 7 } as const;
const CALL_MS = 5_000;

/** Adds those of our search attributes that the namespace does not have; returns the names it added. */
export function addSearchAttributes(
  connection: Connection | NativeConnection,
  namespace: string,
): Promise<string[]> {
  const { operatorService } = connection;
  return connection.withDeadline(Date.now() + CALL_MS, async () => {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => !customAttributes?.[name]);
    if (missing.length === 0) return [];
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map(([name, kind]) => [name, VALUE_TYPES[kind]]),
      ),
    });
    return missing.map(([name]) => name);
  });
}
