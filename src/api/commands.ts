import type { Gate } from '../domain/control.ts';

/** What was changed or deleted, of whatever kind. */
export type Changed = { kind: string; id: string; deleted?: boolean };

/** What the API asks of the workflows; eligibility has been checked before. */
export type Commands = {
  /** Makes these events due now, whatever their schedule says. */
  retryEvents(order: { projectId: string; eventIds: string[] }): Promise<void>;
  /** Ends these events: nothing will be sent for them any more. */
  cancelEvents(order: { projectId: string; eventIds: string[] }): Promise<void>;
  /** Routes a request again, for these connections or for all that did not take it. */
  retryRequest(order: {
    projectId: string;
    requestId: string;
    connectionIds?: string[];
  }): Promise<{ requestId: string; eventIds: string[] }>;
  /** Takes a stored request in once more, as a new one to `sourceId`; null where it is gone. */
  replayRequest(order: {
    projectId: string;
    requestId: string;
    sourceId: string;
    connectionIds?: string[];
  }): Promise<{ requestId: string; eventIds: string[] } | null>;
  /** Lets the events of a destination or connection wait. */
  pause(order: { projectId: string; gate: Gate; reason: string | null }): Promise<void>;
  /** Lets them go on. */
  resume(order: { projectId: string; gate: Gate }): Promise<void>;
  /** A source, destination or connection has changed: caches in this process are stale. */
  configurationChanged(changed?: Changed): Promise<void> | void;
};
