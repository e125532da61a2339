import type { Stage } from './stage.ts';
import type { Table } from './table.ts';

/** What a scenario found: figures for machines, tables for people. */
export type Outcome = { figures: object; tables: Table[] };

export type Scenario = (stage: Stage) => Promise<Outcome>;
