import { compilePattern } from './patterns.ts';

export type SchemaPlace = (string | number)[];
export type SchemaProblem = { path: SchemaPlace; message: string };

type Node = Record<string, unknown>;

/** The keyword that counts the steps of a check; it is put into every subschema. */
export const STEP_KEYWORD = 'x-sluice-step';

const SINGLE = [
  ...['additionalItems', 'additionalProperties', 'contains', 'contentSchema', 'else', 'if'],
  ...['items', 'not', 'propertyNames', 'then', 'unevaluatedItems', 'unevaluatedProperties'],
];
const LISTS = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'];
const MAPS = [
  ...['$defs', 'definitions', 'dependencies', 'dependentSchemas'],
  ...['patternProperties', 'properties'],
];
const REFERENCES = ['$ref', '$dynamicRef', '$recursiveRef'];
const SCALARS = new Set(['string', 'number', 'integer', 'boolean', 'null']);
const MOST_SUBSCHEMAS = 500;
const DEEPEST = 64;

/** A schema made ready for compilation, or what is wrong with it and where. */
export function prepareSchema(schema: unknown): { schema: unknown; problems: SchemaProblem[] } {
  const walk = new Walk();
  const prepared = walk.subschema(schema, []);
  walk.checkReferences();
  return { schema: prepared, problems: walk.problems };
}

class Walk {
  readonly problems: SchemaProblem[] = [];
  readonly #places = new Set<string>();
  readonly #anchors = new Set<string>();
  readonly #references: { to: string; path: SchemaPlace }[] = [];

  subschema(schema: unknown, path: SchemaPlace): unknown {
    if (!isNode(schema)) return schema;
    this.#places.add(pointer(path));
    if (this.#places.size > MOST_SUBSCHEMAS || path.length > DEEPEST) {
      if (this.problems.length === 0) this.#say([], 'is too large: split it, or check less');
      return schema;
    }
    this.#checkNode(schema, path);
    const copy: Node = { ...schema, [STEP_KEYWORD]: true };
    delete copy['$schema'];
    // It would make the verdict a promise.
    delete copy['$async'];
    for (const name of SINGLE) if (isNode(copy[name])) this.#replace(copy, { name, path });
    for (const name of LISTS) if (Array.isArray(copy[name])) this.#replaceAll(copy, { name, path });
    for (const name of MAPS) if (isNode(copy[name])) this.#replaceAll(copy, { name, path });
    return copy;
  }

  /** References lead to subschemas of the same document alone: what else they named would be checked without a count. */
  checkReferences(): void {
    for (const { to, path } of this.#references) {
      if (!to.startsWith('#')) {
        this.#say(path, 'names another document: put what it names under $defs and refer to that');
      } else if (!this.#isKnown(to.slice(1))) this.#say(path, 'names no part of this schema');
    }
  }

  #isKnown(fragment: string): boolean {
    if (fragment !== '' && !fragment.startsWith('/')) return this.#anchors.has(fragment);
    try {
      return this.#places.has(decodeURIComponent(fragment));
    } catch {
      return false;
    }
  }

  #replace(parent: Node, { name, path }: { name: string; path: SchemaPlace }): void {
    parent[name] = this.subschema(parent[name], [...path, name]);
  }

  #replaceAll(parent: Node, { name, path }: { name: string; path: SchemaPlace }): void {
    const children = parent[name] as Node | unknown[];
    parent[name] = Array.isArray(children)
      ? children.map((child, index) => this.subschema(child, [...path, name, index]))
      : Object.fromEntries(
          Object.entries(children).map(([key, child]) => [
            key,
            this.subschema(child, [...path, name, key]),
          ]),
        );
  }

  #checkNode(node: Node, path: SchemaPlace): void {
    for (const name of REFERENCES) {
      const to = node[name];
      if (typeof to === 'string') this.#references.push({ to, path: [...path, name] });
    }
    for (const name of ['$anchor', '$dynamicAnchor']) {
      if (typeof node[name] === 'string') this.#anchors.add(node[name]);
    }
    if (path.length > 0 && typeof node['$id'] === 'string') {
      this.#say([...path, '$id'], 'may only stand at the top of a schema');
    }
    if (node['uniqueItems'] === true && !hasScalarItems(node)) {
      const message = 'needs items of one or more of the types string, number, boolean and null';
      this.#say([...path, 'uniqueItems'], `${message}: comparing anything else takes too long`);
    }
    if (typeof node['pattern'] === 'string') {
      this.#checkPattern(node['pattern'], [...path, 'pattern']);
    }
    if (!isNode(node['patternProperties'])) return;
    for (const key of Object.keys(node['patternProperties'])) {
      this.#checkPattern(key, [...path, 'patternProperties', key]);
    }
  }

  #checkPattern(source: string, path: SchemaPlace): void {
    try {
      compilePattern(source);
    } catch (error) {
      this.#say(path, (error as Error).message);
    }
  }

  #say(path: SchemaPlace, message: string): void {
    this.problems.push({ path, message });
  }
}

function hasScalarItems({ items }: Node): boolean {
  if (!isNode(items)) return false;
  const types = [items['type']].flat();
  return types.every((type) => typeof type === 'string' && SCALARS.has(type));
}

function pointer(path: SchemaPlace): string {
  return path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
