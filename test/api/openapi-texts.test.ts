import { afterAll, beforeAll, expect, test } from 'vitest';
import { createValidators, operationsOf, type Placed } from './conformance.ts';
import { type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
let operations: Placed[];
beforeAll(async () => {
  gateway = await startGateway();
  operations = operationsOf(gateway.document);
});
afterAll(() => gateway.close());

const nameOf = ({ method, path }: Placed) => `${method} ${path}`;
const isText = (text: unknown) => typeof text === 'string' && /\S{2}.*[\w)]/.test(text);

test('every operation says in words what it does, under a tag that is described', () => {
  const tags = gateway.document.tags.map((tag) => tag.name);
  const wrong = operations.filter(
    ({ summary, description, tags: own }) =>
      !isText(summary) ||
      !/\.$/.test(description) ||
      own.length !== 1 ||
      !tags.includes(own[0] ?? ''),
  );
  expect(wrong.map(nameOf)).toEqual([]);
  expect(gateway.document.tags.filter((tag) => !isText(tag.description))).toEqual([]);
  const used = new Set(operations.flatMap((operation) => operation.tags));
  expect(tags.filter((tag) => !used.has(tag))).toEqual([]);
});

test('every operation has an example of what it takes and of what it answers', () => {
  const wrong = operations.filter(({ requestBody, responses }) => {
    const answer = responses[200] as { content?: Json } | undefined;
    const [json] = Object.values(requestBody?.content ?? {});
    const lacksBody = requestBody !== undefined && json?.example === undefined;
    return lacksBody || !Object.values(answer?.content ?? {}).every((each) => isShown(each));
  });
  expect(wrong.map(nameOf)).toEqual([]);
});

function isShown(content: unknown): boolean {
  const { example, examples } = content as { example?: unknown; examples?: unknown };
  return example !== undefined || examples !== undefined;
}

test('every parameter, every schema and every field of a schema is described', () => {
  const parameters = operations.flatMap((operation) =>
    (operation.parameters ?? [])
      .filter(({ description }) => !isText(description))
      .map(({ name }) => `${nameOf(operation)} ?${name}`),
  );
  expect(parameters).toEqual([]);
  const { schemas } = gateway.document.components;
  const nameless = Object.entries(schemas).filter(
    ([, schema]) => !isText((schema as Json)['description']),
  );
  expect(nameless.map(([name]) => name)).toEqual([]);
  expect(undescribed(schemas, [])).toEqual([]);
  expect(undescribed(gateway.document.paths, [])).toEqual([]);
});

/** The fields without a description, wherever `properties` stand in a document. */
function undescribed(value: unknown, path: string[]): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) => {
    // What a branch says of a field, it says in addition.
    if (key === 'example' || key === 'examples' || key === 'oneOf') {
      return key === 'oneOf' && !hasTitles(child) ? undescribed(child, [...path, key]) : [];
    }
    const below = undescribed(child, [...path, key]);
    if (key !== 'properties') return below;
    const own = Object.entries(child as Record<string, Json>).filter(
      ([, field]) => !isText(field['description']),
    );
    return [...own.map(([name]) => [...path, name].join('.')), ...below];
  });
}

function hasTitles(branches: unknown): boolean {
  return Array.isArray(branches) && branches.every((branch: Json) => 'title' in branch);
}

test('every example is what its own schema asks for', () => {
  const validatorAt = createValidators(gateway.document);
  const examples = [...examplesOf(gateway.document.paths, ['paths'])].concat([
    ...examplesOf(gateway.document.components, ['components']),
  ]);
  expect(examples.length).toBeGreaterThan(150);
  const faults = examples.flatMap(({ place, value }) => {
    const fault = validatorAt(place)(value);
    return fault ? [`${place.join(' ')}: ${fault}`] : [];
  });
  expect(faults).toEqual([]);
});

/** Every example of a document, with the place of the schema it belongs to. */
function* examplesOf(
  value: unknown,
  path: string[],
): Generator<{ place: string[]; value: unknown }> {
  if (typeof value !== 'object' || value === null) return;
  const { schema, example, examples } = value as Json;
  if (Array.isArray(examples)) for (const each of examples) yield { place: path, value: each };
  else if (schema !== undefined) {
    const named = Object.values((examples ?? {}) as Record<string, { value: unknown }>);
    const all = [...(example === undefined ? [] : [example]), ...named.map((each) => each.value)];
    for (const each of all) yield { place: [...path, 'schema'], value: each };
  }
  for (const [key, child] of Object.entries(value)) {
    if (key !== 'example' && key !== 'examples') yield* examplesOf(child, [...path, key]);
  }
}
