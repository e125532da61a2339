// Connections with requests behind them, for the tests of this folder.
import { each, type Gateway, type Json } from './gateway.ts';
import { arrive, type Arriving, makeEvent, type MadeEvent } from './history.ts';

/** Makes connections that have a name, a source and a destination of their own. */
export function createFlows(gateway: () => Gateway) {
  let number = 0;
  /** A connection with a request behind it. */
  return async function flow(request: Partial<Arriving> = {}) {
    number += 1;
    const connection = await gateway().done('POST', '/connections', {
      name: `c${number}`,
      source: { name: `s${number}` },
      destination: { name: `d${number}`, config: { url: 'https://example.com/base/' } },
    });
    const ends = {
      projectId: gateway().projectId,
      sourceId: String((connection['source'] as Json)['id']),
      destinationId: String((connection['destination'] as Json)['id']),
      connectionId: String(connection['id']),
    };
    const event = async (changes: Partial<MadeEvent> = {}) =>
      makeEvent(gateway().db, {
        ...ends,
        requestId: await arrive(gateway().db, { ...ends, ...request }),
        ...changes,
      });
    const find = async (query: string) =>
      each(await gateway().done('GET', `/events?webhook_id=${ends.connectionId}&${query}`), 'id');
    return { ...ends, event, find };
  };
}
