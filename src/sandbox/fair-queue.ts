// Who is next: the tenant that was served longest ago, and within it the transformation that was.
// So neither a busy tenant nor a busy transformation makes others wait for its backlog, and one that
// comes while another's job is running is next, whatever else that other one has waiting.

const MAX_REMEMBERED = 10_000;

type Place = { readonly tenant: string; readonly lane: string };
type Lane<T> = { readonly key: string; readonly items: T[] };
type Tenant<T> = { readonly key: string; readonly lanes: Map<string, Lane<T>> };

export type FairQueue<T> = {
  readonly push: (place: Place, item: T) => void;
  /** Puts an item before all others of its lane, for a second try. */
  readonly pushFirst: (place: Place, item: T) => void;
  /** The next item that may start now, or `undefined`. */
  readonly take: (mayStart: (item: T) => boolean) => T | undefined;
  readonly drain: () => T[];
};

type Turns = {
  readonly inOrder: <K extends { key: string }>(waiting: Iterable<K>) => K[];
  readonly serve: (key: string) => void;
};

function createTurns(): Turns {
  const servedAt = new Map<string, number>();
  let served = 0;
  return {
    inOrder: (waiting) =>
      [...waiting].toSorted((a, b) => (servedAt.get(a.key) ?? 0) - (servedAt.get(b.key) ?? 0)),
    serve(key) {
      servedAt.delete(key);
      servedAt.set(key, ++served);
      const [oldest] = servedAt.keys();
      if (servedAt.size > MAX_REMEMBERED && oldest !== undefined) servedAt.delete(oldest);
    },
  };
}

/** An empty queue. */
export function createFairQueue<T>(): FairQueue<T> {
  const tenants = new Map<string, Tenant<T>>();
  const turns = createTurns();

  const itemsOf = ({ tenant: name, lane: laneName }: Place): T[] => {
    const tenant = tenants.get(name) ?? { key: name, lanes: new Map<string, Lane<T>>() };
    tenants.set(name, tenant);
    const key = `${name} / ${laneName}`;
    const lane = tenant.lanes.get(key) ?? { key, items: [] };
    tenant.lanes.set(key, lane);
    return lane.items;
  };

  const takeFrom = (tenant: Tenant<T>, mayStart: (item: T) => boolean): T | undefined => {
    for (const lane of turns.inOrder(tenant.lanes.values())) {
      const [item] = lane.items;
      if (item === undefined || !mayStart(item)) continue;
      lane.items.shift();
      if (lane.items.length === 0) tenant.lanes.delete(lane.key);
      if (tenant.lanes.size === 0) tenants.delete(tenant.key);
      turns.serve(lane.key);
      turns.serve(tenant.key);
      return item;
    }
    return undefined;
  };

  return {
    push: (place, item) => void itemsOf(place).push(item),
    pushFirst: (place, item) => void itemsOf(place).unshift(item),
    take(mayStart) {
      for (const tenant of turns.inOrder(tenants.values())) {
        const item = takeFrom(tenant, mayStart);
        if (item !== undefined) return item;
      }
      return undefined;
    },
    drain() {
      const all = [...tenants.values()].flatMap(({ lanes }) => [...lanes.values()]);
      tenants.clear();
      return all.flatMap(({ items }) => items);
    },
  };
}
