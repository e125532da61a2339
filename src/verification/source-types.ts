import { accounting } from './providers/accounting.ts';
import { business } from './providers/business.ts';
import { commerce } from './providers/commerce.ts';
import { communication } from './providers/communication.ts';
import type { SourceTypeDefinition } from './providers/define.ts';
import { developerTools } from './providers/developer-tools.ts';
import { genericTypes } from './providers/generic.ts';
import { payments } from './providers/payments.ts';

const table = {
  ...genericTypes,
  ...accounting,
  ...business,
  ...commerce,
  ...communication,
  ...developerTools,
  ...payments,
};

/** The name of a kind of source, as the API writes it. */
export type SourceType = keyof typeof table;

/** Everything the gateway knows about each kind of source. */
export const sourceTypes: Readonly<Record<SourceType, SourceTypeDefinition>> = table;

/** All names, sorted; for the API's enumeration. */
export const sourceTypeNames = Object.keys(table).toSorted() as [SourceType, ...SourceType[]];

export function isSourceType(name: string): name is SourceType {
  return Object.hasOwn(table, name);
}
