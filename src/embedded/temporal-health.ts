import { Connection } from '@temporalio/client';

/** The kinds a search attribute of ours may have. */
export type SearchAttributes = Record<string, 'Keyword' | 'KeywordList'>;

// temporal.api.enums.v1.IndexedValueType
const valueTypes = { Keyword: 2, KeywordList: 7 } as const;
const callTimeoutMs = 2_000;

/** Whether the server at the address serves the namespace and knows our search attributes; adds those it does not know. */
export async function isServing(
  address: string,
  { namespace, searchAttributes }: { namespace: string; searchAttributes: SearchAttributes },
): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: callTimeoutMs });
    const { workflowService, operatorService } = connection;
    return await connection.withDeadline(Date.now() + callTimeoutMs, async () => {
      await workflowService.describeNamespace({ namespace });
      const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
      const missing = Object.entries(searchAttributes).filter(
        ([name]) => !customAttributes?.[name],
      );
      if (missing.length === 0) return true;
      // start-dev adds its --search-attribute flags only while it makes a namespace.
      await operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(
          missing.map(([name, kind]) => [name, valueTypes[kind]]),
        ),
      });
      return false;
    });
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}
