import { Pool } from 'undici';
import { portOf, type AddressGuard } from './address-guard.ts';
import { createConnector } from './connector.ts';

export type PoolOptions = {
  guard: AddressGuard;
  connectionsPerOrigin: number;
  maxPools: number;
  connectTimeoutMs: number;
  keepAliveMs: number;
  extraCertificates: readonly string[];
};

export type Pools = {
  of(poolKey: string, url: URL): Pool;
  close(withinMs: number): Promise<void>;
};

/** Keeps connections apart by tenant and origin; the pool that was used longest ago goes first. */
export function createPools(options: PoolOptions): Pools {
  const pools = new Map<string, Pool>();

  return {
    of(poolKey, url) {
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
    },
    async close(withinMs) {
      const open = [...pools.values()];
      pools.clear();
      const timer = setTimeout(() => open.forEach((pool) => void pool.destroy()), withinMs);
      await Promise.all(open.map((pool) => pool.close()));
      clearTimeout(timer);
    },
  };
}

function openPool(url: URL, options: PoolOptions): Pool {
  return new Pool(url.origin, {
    connections: options.connectionsPerOrigin,
    pipelining: 1,
    keepAliveTimeout: options.keepAliveMs,
    keepAliveMaxTimeout: options.keepAliveMs,
    // The sender's own deadline covers the whole attempt; undici's would be two timers more a request.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 65_536,
    connect: createConnector({ ...options, port: portOf(url) }),
  });
}

function closeOldest(pools: Map<string, Pool>): void {
  const [oldest] = pools;
  if (oldest === undefined) return;
  pools.delete(oldest[0]);
  // Requests under way in it are finished before its connections close.
  void oldest[1].close();
}
