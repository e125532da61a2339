import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAsWritten } from '../../src/domain/numbers/parse.ts';
import {
  compileSchemaCheck,
  schemaProblem,
  type SchemaViolation,
} from '../../src/verification/schema-check.ts';
import { headersOf, request } from './support.ts';

function check(schema: unknown, body: unknown): SchemaViolation[] {
  const received = request({
    headers: headersOf({ 'content-type': 'application/json' }),
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  });
  return compileSchemaCheck({ json_schema: schema, mode: 'reject' })(received);
}
const problem = (json_schema: unknown) => schemaProblem({ json_schema, mode: 'reject' });

describe('numbers that are more than doubles are checked as they are', () => {
  const ONE = '8202522731445525542';
  const OTHER = '8202522731445525543';
  const rulesOf = (schema: string, body: string) =>
    check(parseAsWritten(schema), body).map(({ path, rule }) => `${path} ${rule}`);

  test.each<[string, string, string, string]>([
    ['maximum', `{"properties":{"a":{"maximum":${ONE}}}}`, `{"a":${ONE}}`, `{"a":${OTHER}}`],
    ['minimum', `{"properties":{"a":{"minimum":${OTHER}}}}`, `{"a":${OTHER}}`, `{"a":${ONE}}`],
    [
      'exclusiveMaximum',
      `{"properties":{"a":{"exclusiveMaximum":${OTHER}}}}`,
      `{"a":${ONE}}`,
      `{"a":${OTHER}.0}`,
    ],
    [
      'exclusiveMinimum',
      `{"properties":{"a":{"exclusiveMinimum":${ONE}}}}`,
      `{"a":${OTHER}}`,
      `{"a":${ONE}}`,
    ],
    ['const', `{"properties":{"a":{"const":${ONE}}}}`, `{"a":${ONE}.0}`, `{"a":${OTHER}}`],
    [
      'const',
      `{"properties":{"a":{"const":{"b":[${ONE}]}}}}`,
      `{"a":{"b":[${ONE}]}}`,
      `{"a":{"b":[${OTHER}]}}`,
    ],
    ['enum', `{"properties":{"a":{"enum":[1,"x",${ONE}]}}}`, `{"a":${ONE}}`, `{"a":${OTHER}}`],
    ['multipleOf', '{"properties":{"a":{"multipleOf":2}}}', `{"a":${ONE}}`, `{"a":${OTHER}}`],
    [
      'multipleOf',
      '{"properties":{"a":{"multipleOf":0.01}}}',
      `{"a":${ONE}.25}`,
      `{"a":${ONE}.255}`,
    ],
    [
      'uniqueItems',
      '{"properties":{"a":{"uniqueItems":true,"items":{"type":"integer"}}}}',
      `{"a":[${ONE},${OTHER}]}`,
      `{"a":[${ONE},${ONE}]}`,
    ],
    ['type', '{"properties":{"a":{"type":"integer"}}}', `{"a":${ONE}}`, `{"a":${ONE}.5}`],
    ['type', '{"properties":{"a":{"type":"number"}}}', '{"a":1e400}', '{"a":"1e400"}'],
    [
      'maximum',
      '{"properties":{"a":{"maximum":100}}}',
      '{"a":99.99999999999999999999}',
      '{"a":1e400}',
    ],
    [
      'maximum',
      '{"$ref":"#/$defs/m","$defs":{"m":{"properties":{"a":{"maximum":5}}}}}',
      `{"a":-${ONE}}`,
      `{"a":${ONE}}`,
    ],
  ])('%s in %s', (rule, schema, right, wrong) => {
    expect(rulesOf(schema, right)).toEqual([]);
    expect(rulesOf(schema, wrong)).toEqual([`body.a ${rule}`]);
  });

  test('the body itself may be one, and a list may hold several', () => {
    expect(rulesOf(`{"maximum":${ONE}}`, OTHER)).toEqual(['body maximum']);
    const schema = `{"items":{"type":"integer","maximum":${ONE}}}`;
    expect(rulesOf(schema, `[1,${OTHER},${ONE},1e400]`)).toEqual([
      'body[1] maximum',
      'body[3] maximum',
    ]);
  });

  test('and all other rules are what they are for any body', () => {
    const schema =
      '{"required":["b"],"properties":{"t":{"pattern":"^x"},"n":{"maximum":1.50}},"maxProperties":2.0}';
    expect(rulesOf(schema, `{"t":"y","n":1.5,"big":${ONE}}`)).toEqual(
      rulesOf(schema, '{"t":"y","n":1.5,"big":1}'),
    );
  });
});

describe('what a schema may not be', () => {
  test.each<[unknown, (string | number)[], RegExp]>([
    [{ type: 'nope' }, ['type'], /allowed values/],
    [{ properties: { a: { minimum: 'x' } } }, ['properties', 'a', 'minimum'], /number/],
    [{ $schema: 'http://json-schema.org/draft-04/schema#' }, ['$schema'], /draft-07, 2019-09/],
    [{ $ref: 'https://example.com/schema.json' }, ['$ref'], /another document/],
    [{ allOf: [{ $ref: 'other.json#/a' }] }, ['allOf', 0, '$ref'], /another document/],
    [{ $dynamicRef: 'https://example.com/' }, ['$dynamicRef'], /another document/],
    [{ $ref: '#/$defs/missing' }, ['$ref'], /no part of this schema/],
    [{ const: { a: { type: 'string' } }, $ref: '#/const/a' }, ['$ref'], /no part of this schema/],
    [{ properties: { a: { $id: 'x' } } }, ['properties', 'a', '$id'], /at the top/],
    [{ uniqueItems: true }, ['uniqueItems'], /takes too long/],
    [
      { items: { type: ['string', 'object'] }, uniqueItems: true },
      ['uniqueItems'],
      /takes too long/,
    ],
    [{ properties: { a: { pattern: '(?=x)' } } }, ['properties', 'a', 'pattern'], /RE2/],
    [{ pattern: '(a)\\1' }, ['pattern'], /RE2/],
    [{ patternProperties: { '(?!x)': {} } }, ['patternProperties', '(?!x)'], /RE2/],
    [{ pattern: '(a{30}){30}{30}' }, ['pattern'], /RE2|too large/],
    [{ pattern: 'a{900}b{900}' }, ['pattern'], /too large a pattern/],
    [{ allOf: Array.from({ length: 600 }, () => ({})) }, [], /too large/],
    [{ description: 'x'.repeat(65_537) }, [], /must not exceed 65536 bytes/],
    [{ id: 'draft-04' }, [], /cannot be compiled/],
  ])('%j', (schema, path, message) => {
    expect(problem(schema)).toEqual({
      path: path.map((part) => (path[0] === 'allOf' ? part : String(part))),
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('what a schema may be', () => {
  test.each([
    [true],
    [{}],
    [
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        definitions: { a: {} },
        $ref: '#/definitions/a',
      },
    ],
    [
      {
        $schema: 'https://json-schema.org/draft/2019-09/schema',
        $defs: { a: {} },
        $ref: '#/$defs/a',
      },
    ],
    [{ $id: 'https://example.com/order.json', 'x-owner': 'shop', example: { uniqueItems: true } }],
    [{ $defs: { a: { $anchor: 'A' } }, properties: { a: { $ref: '#A' }, b: { $ref: '#' } } }],
    [{ type: 'array', items: { type: 'string' }, uniqueItems: true }],
    [{ properties: { 'a/b~c': { type: 'string' } }, items: { $ref: '#/properties/a~1b~0c' } }],
    [{ format: 'an-unknown-one', $async: true }],
  ])('%j', (schema) => {
    expect(problem(schema)).toBeNull();
    expect(check(schema, [])).toEqual([]);
  });
});

test('says where a body is wrong, in the words of a path, and by which rule', () => {
  const schema = {
    required: ['id', 'toString'],
    properties: { a: { items: { additionalProperties: false } }, 'odd name': { type: 'null' } },
  };
  expect(check(schema, { id: 1, a: [{}, { x: 1 }], 'odd name': 1 })).toEqual([
    { path: 'body', rule: 'required', message: "must have required property 'toString'" },
    {
      path: 'body.a[1]',
      rule: 'additionalProperties',
      message: 'must NOT have additional properties: "x"',
    },
    { path: 'body["odd name"]', rule: 'type', message: 'must be null' },
  ]);
});

test('names ten violations at most, and never what a sender wrote at length', () => {
  const many = check(
    { items: { type: 'string' } },
    Array.from({ length: 100_000 }, () => 1),
  );
  expect(many.length).toBeGreaterThan(0);
  expect(many.length).toBeLessThanOrEqual(10);
  const long = check({ additionalProperties: { type: 'null' } }, { ['x'.repeat(100_000)]: 1 });
  expect(JSON.stringify(long).length).toBeLessThan(1_000);
});

describe('schemas and bodies that are made to take for ever are given up, soon', () => {
  const doubling = (levels: number) => {
    const $defs: Record<string, unknown> = { [`d${levels}`]: { type: 'string' } };
    for (let i = 0; i < levels; i++) {
      const next = { $ref: `#/$defs/d${i + 1}` };
      $defs[`d${i}`] = { allOf: [next, next] };
    }
    return { $defs, $ref: '#/$defs/d0' };
  };
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const long = JSON.stringify('a'.repeat(1_000_000));

  test.each<[string, unknown, string]>([
    ['references that double', doubling(40), '"x"'],
    ['a reference to itself', { $ref: '#' }, '{}'],
    [
      'a tree walked twice at each level',
      { allOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' } }] },
      nested(200),
    ],
    [
      'one long text measured often',
      { allOf: Array.from({ length: 400 }, () => ({ minLength: 2 })) },
      long,
    ],
    ['a large pattern over a long text', { pattern: '(?:a?){200}a{200}' }, long],
    [
      'a pattern for each of many names',
      { patternProperties: { '(a|b|ab)*c{100}$': {} } },
      JSON.stringify(
        Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`abababab${i}`, 1])),
      ),
    ],
  ])('%s', (_what, schema, body) => {
    expect(problem(schema)).toBeNull();
    expect(check(schema, body)).toEqual([
      { path: 'body', rule: 'steps', message: expect.any(String) as string },
    ]);
  });

  test('a pattern that makes others backtrack for ever is matched in linear time', () => {
    expect(check({ pattern: '^(a+)+$' }, `"${'a'.repeat(50_000)}!"`)).toMatchObject([
      { rule: 'pattern' },
    ]);
  });
});

test('whatever a body is, a check says something about it and throws nothing', () => {
  const schema = {
    type: ['object', 'array', 'string'],
    properties: { a: { $ref: '#' }, __proto: { type: 'string' } },
    items: { $ref: '#' },
    patternProperties: { '^x': { minimum: 1 } },
    propertyNames: { maxLength: 5 },
    unevaluatedProperties: { type: 'number' },
  };
  const compiled = compileSchemaCheck({ json_schema: schema, mode: 'reject' });
  fc.assert(
    fc.property(fc.json(), (text) => {
      const headers = headersOf({ 'content-type': 'application/json' });
      for (const { path, rule } of compiled(request({ headers, body: Buffer.from(text) }))) {
        expect(path).toMatch(/^body/);
        expect(rule).toMatch(/^\w+$/);
      }
    }),
    { numRuns: 500 },
  );
});

test('a schema that can no longer be used lets nothing through', () => {
  expect(check({ $ref: 'https://example.com/' }, {})).toMatchObject([{ rule: 'schema' }]);
});
