import { Client, Pool, type buildConnector, type Dispatcher } from 'undici';
import { portOf, type AddressGuard } from './address-guard.ts';
import { createConnector } from './connector.ts';
import { watchWire, type Wire } from './wire.ts';

export type PoolOptions = {
  guard: AddressGuard;
  connectionsPerOrigin: number;
  maxPools: number;
  connectTimeoutMs: number;
  keepAliveMs: number;
  extraCertificates: readonly string[];
};

/** A handler that is told, before its request is written, how to find out which connection it goes out on. */
export type WireHandler = Dispatcher.DispatchHandler & { wireOf: () => Wire | null };

type Request = Omit<Dispatcher.DispatchOptions, 'origin'>;

export type Pools = {
  /** Sends on a connection that is kept for this key and origin, or a new one of them. */
  dispatch(target: Target, request: Request, handler: WireHandler): void;
  /** Sends on a new connection, which is closed afterwards. */
  dispatchAlone(target: Target, request: Request, handler: WireHandler): void;
  close(withinMs: number): Promise<void>;
};

type Target = { poolKey: string; url: URL };

/** Keeps connections apart by tenant and origin; the pool that was used longest ago goes first. */
export function createPools(options: PoolOptions): Pools {
  const pools = new Map<string, Pool>();
  // Each with its end.
  const singles = new Map<Pool, Promise<void>>();

  function poolOf({ poolKey, url }: Target): Pool {
    const key = `${poolKey} ${url.origin}`;
    const known = pools.get(key);
    if (known !== undefined) {
      pools.delete(key);
      pools.set(key, known);
      return known;
    }
    if (pools.size >= options.maxPools) closeOldest(pools);
    const pool = openPool(url, options);
    pools.set(key, pool);
    return pool;
  }

  return {
    dispatch: (target, request, handler) => void poolOf(target).dispatch(request, handler),
    dispatchAlone({ url }, request, handler) {
      const single = openPool(url, { ...options, connectionsPerOrigin: 1 });
      single.dispatch(request, handler);
      const closed = single.close().finally(() => singles.delete(single));
      singles.set(single, closed);
    },
    async close(withinMs) {
      const open = [...pools.values()];
      pools.clear();
      const timer = setTimeout(() => {
        for (const pool of [...open, ...singles.keys()]) void pool.destroy();
      }, withinMs);
      await Promise.all(open.map((pool) => pool.close()));
      // What went out on a connection that broke may have begun anew meanwhile.
      await Promise.all(singles.values());
      clearTimeout(timer);
    },
  };
}

function openPool(url: URL, options: PoolOptions): Pool {
  const connect = createConnector({ ...options, port: portOf(url) });
  return new Pool(url.origin, {
    connections: options.connectionsPerOrigin,
    pipelining: 1,
    keepAliveTimeout: options.keepAliveMs,
    keepAliveMaxTimeout: options.keepAliveMs,
    // The sender's own deadline covers the whole attempt; undici's would be two timers more a request.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 65_536,
    factory: (origin, settings) => openClient(origin, { settings, connect }),
  });
}

/** A client holds one connection at a time, and says which to each request as it is written. */
function openClient(
  origin: URL,
  { settings, connect }: { settings: Client.Options; connect: buildConnector.connector },
): Client {
  let wire: Wire | null = null;
  const client = new Client(origin, {
    ...settings,
    connect: (target, callback) =>
      connect(target, (...[error, socket]) => {
        if (error !== null) return callback(error, null);
        wire = watchWire(socket);
        callback(null, socket);
      }),
  });
  const dispatch = client.dispatch.bind(client);
  client.dispatch = (request, handler) => {
    if (isWireHandler(handler)) handler.wireOf = () => wire;
    return dispatch(request, handler);
  };
  return client;
}

function isWireHandler(handler: Dispatcher.DispatchHandler): handler is WireHandler {
  return 'wireOf' in handler;
}

function closeOldest(pools: Map<string, Pool>): void {
  const [oldest] = pools;
  if (oldest === undefined) return;
  pools.delete(oldest[0]);
  // Requests under way in it are finished before its connections close.
  void oldest[1].close();
}
