import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from './fault.ts';
import type { Stage } from './stage.ts';

/** One destination of a lane: where it stands in the receiver, and what the gateway calls it. */
type Target = { receiverId: number; destinationId: string; connectionId: string };

/** A source of the gateway with the destinations behind it. */
export type Lane = { url: string; sourceId: string; targets: Target[] };

export type LaneOptions = {
  name: string;
  destinations?: number;
  rules?: object[];
  /** Type and configuration of the source. */
  source?: object;
  destinationConfig?: object;
  /** Further fields of each connection. */
  connection?: object;
};

const KNOWN_WITHIN_MS = 10_000;
const RUN_NAME = `bench-${randomBytes(3).toString('hex')}`;

/** Makes a source with its destinations, each a server of its own, and waits until the gateway takes requests for it. */
export async function makeLane(stage: Stage, options: LaneOptions): Promise<Lane> {
  const { name, destinations = 1, rules = [], source, destinationConfig, connection } = options;
  const { admin, gateway, receiver } = stage;
  const opened = await receiver.call('open', { count: destinations });
  const targets: Target[] = [];
  let sourceId = '';
  for (const { id: receiverId, port } of opened) {
    const destinationName = `${RUN_NAME}-${name}-${receiverId}`;
    const config = { url: `http://127.0.0.1:${port}/`, ...destinationConfig };
    const made = await admin.connect({
      name: destinationName,
      ...(sourceId === ''
        ? { source: { name: `${RUN_NAME}-${name}`, ...source } }
        : { source_id: sourceId }),
      destination: { name: destinationName, config },
      rules,
      ...connection,
    });
    sourceId = made.source.id;
    targets.push({ receiverId, destinationId: made.destination.id, connectionId: made.id });
  }
  const lane = { url: `${gateway.url}/in/${sourceId}`, sourceId, targets };
  stage.atEnd(() => removeLane(stage, lane));
  await untilKnown(lane);
  return lane;
}

async function untilKnown({ url }: Lane): Promise<void> {
  for (const until = Date.now() + KNOWN_WITHIN_MS; Date.now() < until; await sleep(50)) {
    const answer = await fetch(url, { method: 'POST', body: '{}' });
    await answer.body?.cancel();
    if (answer.ok) return;
  }
  throw new Fault(`The gateway took no request at ${url} within ${KNOWN_WITHIN_MS / 1_000} s.`);
}

/** A gateway of our own goes away as a whole; one that goes on is left as it was found. */
async function removeLane({ options, admin }: Stage, { sourceId, targets }: Lane): Promise<void> {
  if (!options.running) return;
  await admin.remove(`/sources/${sourceId}`);
  for (const { destinationId } of targets) await admin.remove(`/destinations/${destinationId}`);
}
