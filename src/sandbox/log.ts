/** What the sandbox needs of a logger; pino fits. */
export type SandboxLog = {
  readonly info: (fields: Record<string, unknown>, message: string) => void;
  readonly warn: (fields: Record<string, unknown>, message: string) => void;
};
