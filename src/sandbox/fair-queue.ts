// Who is next: tenants in turn, and within a tenant its transformations in turn, so that neither a
// busy tenant nor a busy transformation makes others wait for its whole backlog.

type Lane<T> = { readonly key: string; readonly items: T[] };
type Tenant<T> = { readonly key: string; readonly lanes: Lane<T>[] };

export type FairQueue<T> = {
  readonly push: (place: { tenant: string; lane: string }, item: T) => void;
  /** Puts an item before all others of its lane, for a second try. */
  readonly pushFirst: (place: { tenant: string; lane: string }, item: T) => void;
  /** The next item that may start now, or `undefined`. */
  readonly take: (mayStart: (item: T) => boolean) => T | undefined;
  readonly drain: () => T[];
  readonly size: () => number;
};

function takeFrom<T>(tenant: Tenant<T>, mayStart: (item: T) => boolean): T | undefined {
  for (const [at, lane] of tenant.lanes.entries()) {
    const [item] = lane.items;
    if (item === undefined || !mayStart(item)) continue;
    lane.items.shift();
    tenant.lanes.splice(at, 1);
    if (lane.items.length > 0) tenant.lanes.push(lane);
    return item;
  }
  return undefined;
}

/** An empty queue. */
export function createFairQueue<T>(): FairQueue<T> {
  const tenants: Tenant<T>[] = [];
  let size = 0;

  const itemsOf = (place: { tenant: string; lane: string }): T[] => {
    let tenant = tenants.find(({ key }) => key === place.tenant);
    if (tenant === undefined) tenants.push((tenant = { key: place.tenant, lanes: [] }));
    let lane = tenant.lanes.find(({ key }) => key === place.lane);
    if (lane === undefined) tenant.lanes.push((lane = { key: place.lane, items: [] }));
    return lane.items;
  };

  return {
    push(place, item) {
      size++;
      itemsOf(place).push(item);
    },
    pushFirst(place, item) {
      size++;
      itemsOf(place).unshift(item);
    },
    take(mayStart) {
      for (const [at, tenant] of tenants.entries()) {
        const item = takeFrom(tenant, mayStart);
        if (item === undefined) continue;
        tenants.splice(at, 1);
        if (tenant.lanes.length > 0) tenants.push(tenant);
        size--;
        return item;
      }
      return undefined;
    },
    drain() {
      size = 0;
      return tenants.splice(0).flatMap(({ lanes }) => lanes.flatMap(({ items }) => items));
    },
    size: () => size,
  };
}
