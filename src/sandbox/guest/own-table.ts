const { get, set, has } = Map.prototype as Map<never, never>;
const { assign } = Object;

/** A map with methods of its own, which a guest cannot replace. */
export function ownTable<Key, Value>(): Map<Key, Value> {
  return assign(new Map<Key, Value>(), { get, set, has } as unknown as Map<Key, Value>);
}
