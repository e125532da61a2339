import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Connection } from '@temporalio/client';

/** The kinds a search attribute of ours may have. */
export type SearchAttributes = Record<string, 'Keyword' | 'KeywordList'>;

// temporal.api.enums.v1.IndexedValueType
const valueTypes = { Keyword: 2, KeywordList: 7 } as const;
const callTimeoutMs = 2_000;
const thread = new URL('./temporal-health-thread.ts', import.meta.url);

/** What a server should serve. */
type Expected = { namespace: string; searchAttributes: SearchAttributes };
export type Question = { address: string; expected: Expected };

/** Asks servers whether they serve; one question at a time. */
export type HealthCheck = {
  isServing(address: string, expected: Expected): Promise<boolean>;
  close(): Promise<void>;
};

/**
 * The check in a thread of its own, which gives back the memory of Temporal's client, some 40 MB, when it is closed: the
 * process that starts the embedded server needs it for a moment only.
 */
export function openHealthCheck(): HealthCheck {
  const worker = new Worker(thread);
  return {
    async isServing(address, expected) {
      worker.postMessage({ address, expected } satisfies Question);
      const [answer] = (await once(worker, 'message')) as [boolean];
      return answer;
    },
    close: async () => void (await worker.terminate()),
  };
}

/** Whether the server at the address serves the namespace and knows our search attributes; adds those it does not know. */
export async function isServing(
  address: string,
  { namespace, searchAttributes }: Expected,
): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    const client = await import('@temporalio/client');
    connection = await client.Connection.connect({ address, connectTimeout: callTimeoutMs });
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
