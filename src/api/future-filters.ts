import type { Filter } from '../db/query.ts';
import { textFilter } from './filters.ts';

/** Filters of the dialect over what Sluice does not have yet, with the name of what is missing. */
const MISSING = {
  issue_id: 'issues',
  bulk_retry_id: 'bulk retries',
  cli_id: 'command-line clients',
  cli_user_id: 'command-line clients',
} as const;
type Name = keyof typeof MISSING;
type Query = { [Field in Name]?: Filter<string> | undefined };

/** A filter that is accepted and matches nothing, which its description says. */
export function futureFilter(name: Name) {
  return textFilter.optional().describe(sentence(name));
}

/** Whether a list asks only for what cannot exist yet, so that nothing can match. */
export function asksForNothing(query: Query): boolean {
  return wanted(query).length > 0;
}

/** What the caller of a list should know about its filters. */
export function notesOnFilters(query: Query): string[] {
  return wanted(query).map(sentence);
}

function wanted(query: Query): Name[] {
  const names = Object.keys(MISSING) as Name[];
  return names.filter((name) => query[name]?.in || query[name]?.any);
}

function sentence(name: Name): string {
  return `${name} matches nothing yet: Sluice has no ${MISSING[name]}.`;
}
