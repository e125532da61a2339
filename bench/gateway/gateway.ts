/** A gateway under measurement; null where a running one does not tell. */
export type Gateway = {
  url: string;
  apiKey: string;
  pid: number | null;
  databaseUrl: string | null;
  /** Stops it where it is ours, and removes its data. */
  stop(): Promise<void>;
};
