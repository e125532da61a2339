type Config = {
  auth_type?: string | null | undefined;
  auth?: Record<string, unknown> | null | undefined;
};

/**
 * A configuration with changes: what is given replaces, null takes away, the rest stays.
 * Credentials belong to their type: another type without credentials has none.
 */
export function mergeConfig<Own extends Config>(before: Own, changes: Own): Own {
  const { auth_type: type } = changes;
  const kept: Own = { ...before };
  if (type !== undefined && type !== (before.auth_type ?? null)) delete kept.auth;
  if (changes.auth === null && type === undefined) delete kept.auth_type;
  const entries = Object.entries({ ...kept, ...changes });
  return Object.fromEntries(
    entries.filter(([, value]) => value !== null && value !== undefined),
  ) as Own;
}
