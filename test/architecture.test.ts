import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

type Import = { from: string; isType: boolean };
type Source = { path: string; text: string; part: string; imports: Import[] };

/** What a part of src/ may import of the others: values too, or types only. A part is a folder or a file of src/. */
type Allowance = { values: string[]; types?: string[] };

const everything: Allowance = { values: ['*'] };

const allowances: Record<string, Allowance> = {
  main: everything,
  processes: everything,
  // Says to database and Temporal what api asks of its port.
  commands: { values: ['temporal', 'db', 'domain'], types: ['api', 'log'] },
  api: {
    values: ['temporal', 'egress', 'verification', 'db', 'domain', 'metrics', 'network'],
    types: ['log', 'config'],
  },
  activities: {
    values: ['temporal', 'egress', 'verification', 'sandbox', 'db', 'domain', 'metrics'],
    types: ['log'],
  },
  dispatcher: { values: ['temporal', 'db', 'domain', 'metrics'], types: ['log'] },
  // What a caller and a workflow must agree on, signals and search attributes, stands with the workflows.
  temporal: { values: ['db', 'domain', 'workflows'], types: ['log'] },
  workflows: { values: ['domain'], types: ['activities'] },
  egress: { values: ['domain', 'network'], types: ['log'] },
  verification: { values: ['domain'], types: ['log'] },
  sandbox: { values: ['domain'], types: ['log'] },
  db: { values: ['domain'], types: ['log'] },
  embedded: { values: [], types: ['log', 'config'] },
  domain: { values: [] },
  config: { values: ['network'] },
  network: { values: [] },
  log: { values: [] },
  metrics: { values: [] },
};

const importPattern =
  /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const imports = [...text.matchAll(importPattern)].map(([, type, from, dynamic]) => ({
    from: from ?? dynamic ?? '',
    isType: type !== undefined,
  }));
  return { path, text, part: partOf(path), imports };
}

function partOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

/** The file of src an import leads to, as a path from the root; undefined for packages and Node's own modules. */
function targetOf(source: Source, { from }: Import): string | undefined {
  if (!from.startsWith('.')) return undefined;
  const target = posix.join(dirname(source.path), from);
  return target.startsWith('src/') ? target : undefined;
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readSource(`src/${path}`));

function crossings(): { source: Source; part: string; isType: boolean }[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((imported) => {
      const target = targetOf(source, imported);
      const part = target === undefined ? undefined : partOf(target);
      if (part === undefined || part === source.part) return [];
      return [{ source, part, isType: imported.isType }];
    }),
  );
}

/** Line comments and block comments taken away; a `//` inside a string stays, for it follows no space. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function packagesOf({ imports }: Source): string[] {
  return imports.map(({ from }) => from).filter((from) => !from.startsWith('.'));
}

describe('imports point one way', () => {
  test('every part of src has its place in the order', () => {
    const parts = new Set(sources.map(({ part }) => part));
    expect([...parts].filter((part) => !(part in allowances))).toEqual([]);
  });

  test('a part imports values only of the parts below it', () => {
    const wrong = crossings()
      .filter(({ isType }) => !isType)
      .filter(({ source, part }) => {
        const { values } = allowances[source.part] ?? { values: [] };
        return !values.includes('*') && !values.includes(part);
      });
    expect(wrong.map(({ source, part }) => `${source.path} imports ${part}`)).toEqual([]);
  });

  test('a part imports types only where it may import values, or is allowed the types', () => {
    const wrong = crossings()
      .filter(({ isType }) => isType)
      .filter(({ source, part }) => {
        const { values, types = [] } = allowances[source.part] ?? { values: [] };
        return !values.includes('*') && !values.includes(part) && !types.includes(part);
      });
    expect(wrong.map(({ source, part }) => `${source.path} imports types of ${part}`)).toEqual([]);
  });

  test('domain imports no package, and only its schemas know zod', () => {
    const wrong = sources
      .filter(({ part }) => part === 'domain')
      .flatMap((source) => packagesOf(source).map((name) => ({ path: source.path, name })))
      .filter(({ path, name }) => !(name === 'zod' && path.startsWith('src/domain/schema/')));
    expect(wrong).toEqual([]);
  });

  test('nothing imports itself in a circle', () => {
    const graph = new Map(
      sources.map((source) => [
        source.path,
        source.imports
          .filter(({ isType }) => !isType)
          .flatMap((imported) => targetOf(source, imported) ?? []),
      ]),
    );
    expect(findCircle(graph)).toEqual([]);
  });

  test('every relative import leads to a file of src', () => {
    const paths = new Set(sources.map(({ path }) => path));
    const lost = sources.flatMap((source) =>
      source.imports
        .map((imported) => targetOf(source, imported))
        .filter((target) => target !== undefined && !paths.has(target))
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(lost).toEqual([]);
  });
});

describe('one place for each thing', () => {
  test('only db writes SQL, but for the first steps of the embedded server', () => {
    const statement =
      /['"`]\s*(?:select\s[\s\S]{1,400}?\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|(?:create|alter|drop)\s+(?:table|index|role|database)\s)/i;
    const wrong = sources
      .filter(({ part }) => part !== 'db' && part !== 'embedded')
      .filter(
        (source) =>
          statement.test(withoutComments(source.text)) ||
          packagesOf(source).some((name) => name === 'pg' || name === 'sql-template-tag'),
      );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test('only the configuration and the entry touch the environment', () => {
    const wrong = sources
      .filter(({ path }) => path !== 'src/config.ts' && path !== 'src/main.ts')
      .filter(({ text }) =>
        /process\.env\b|\benv\b[^;]*from 'node:process'/.test(withoutComments(text)),
      );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe('files stay small and say what they are', () => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));

  test('none is longer than 300 lines', () => {
    expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
  });

  test('half of them are shorter than 80', () => {
    const sorted = lengths.map(({ lines }) => lines).toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(80);
  });

  test('none exports a default', () => {
    const wrong = sources.filter(({ text }) => /^export default\b|\bas default\b/m.test(text));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test('none is a drawer for things without a name', () => {
    const drawer = /^(?:utils?|helpers?|common|types|misc|shared|lib)$/;
    const wrong = sources.filter(({ path }) =>
      path.split('/').some((step) => drawer.test(basename(step, '.ts'))),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

/** The files of one circle, in order; empty where there is none. */
function findCircle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const walk = (path: string, trail: string[]): string[] => {
    const start = trail.indexOf(path);
    if (start !== -1) return [...trail.slice(start), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      const circle = walk(next, [...trail, path]);
      if (circle.length > 0) return circle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const circle = walk(path, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
