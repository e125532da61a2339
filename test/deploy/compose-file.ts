import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const root = join(import.meta.dirname, '..', '..');

export type Service = {
  image: string;
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  restart?: string;
  profiles?: string[];
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  tmpfs?: string[];
  cap_add?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  read_only?: boolean;
  init?: boolean;
  mem_limit?: string;
  stop_grace_period?: string;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
};

export type ComposeFile = {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
};

/** A value for each variable that has no default. */
export const filledIn: Record<string, string> = {
  POSTGRES_PASSWORD: 'a'.repeat(32),
  SLUICE_DB_PASSWORD: 'b'.repeat(32),
  TEMPORAL_DB_PASSWORD: 'c'.repeat(32),
  API_KEY: 'd'.repeat(32),
  ENCRYPTION_KEY: 'e'.repeat(64),
};

export function composeText(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}

/** The file as Compose reads it: aliases and merges resolved, variables filled in. Throws where a required one is missing. */
export function composeFile(name = 'docker-compose.yml', variables = filledIn): ComposeFile {
  const tree: unknown = parse(composeText(name), { merge: true, maxAliasCount: 1_000 });
  return interpolate(tree, variables) as ComposeFile;
}

function interpolate(node: unknown, variables: Record<string, string>): unknown {
  if (typeof node === 'string') return substitute(node, variables);
  if (Array.isArray(node)) return node.map((item) => interpolate(item, variables));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, interpolate(value, variables)]),
  );
}

/** Compose's `$$`, `${NAME}`, `${NAME:-default}` and `${NAME:?what to do}`. */
function substitute(text: string, variables: Record<string, string>): string {
  return text.replace(
    /\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/g,
    (_all, name: string | undefined, kind: string | undefined, rest: string | undefined) => {
      if (name === undefined) return '$';
      const value = variables[name];
      if (value) return value;
      if (kind === '?') throw new Error(`${name}: ${rest}`);
      return kind === '-' ? (rest ?? '') : '';
    },
  );
}

/** The command of a health check as a program and its arguments. */
export function healthCommand({ healthcheck }: Service): string[] {
  const [kind, ...words] = healthcheck?.test ?? [];
  if (kind === 'CMD') return words;
  if (kind === 'CMD-SHELL') return ['sh', '-c', ...words];
  throw new Error(`No health check: ${JSON.stringify(healthcheck)}`);
}
