import { canonicalJson, parseKeyPath, readValue, type PayloadParts } from './payload-path.ts';

// What an index can hold with ease: of a longer name only the beginning counts.
const LONGEST_NAME = 256;
const READS_AS_JSON = /^(?:null|true|false|["[{].*|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/s;

/** The group of an event under a destination's delivery policy; null where the policy has no groups. */
export function deliveryGroupOf(
  policy: { groups?: { key: string } | null | undefined } | null | undefined,
  parts: PayloadParts,
): string | null {
  if (!policy?.groups) return null;
  const parsed = parseKeyPath(policy.groups.key);
  return groupName('error' in parsed ? undefined : readValue(parsed.path, parts));
}

/**
 * The name of the group of a value, which no other value has: a text as it is, or in quotes where it would read as
 * another value (`"0"`, `"null"`, `""`); everything else as JSON with equal numbers alike; '' for a missing value.
 */
export function groupName(value: unknown): string {
  if (value === undefined) return '';
  const isPlain = typeof value === 'string' && !needsQuotes(value);
  return (isPlain ? value : canonicalJson(value)).slice(0, LONGEST_NAME);
}

/** Also what PostgreSQL cannot hold needs them: JSON writes it with escapes. */
function needsQuotes(text: string): boolean {
  return text === '' || READS_AS_JSON.test(text) || text.includes('\0') || !text.isWellFormed();
}
