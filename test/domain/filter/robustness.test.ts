import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileFilter } from '../../../src/domain/filter.ts';
import { OPERATORS } from '../../../src/domain/filter/operators.ts';

const key = fc.constantFrom('a', 'b', 'c', '0', '__proto__', 'constructor');
const primitive = fc.constantFrom<unknown>(null, true, false, 0, 1, 2, '', '1', 'a', 'ab', '[1]');
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const payload = fc
  .letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      primitive,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }),
    ),
  }))
  .value.map(asJson);

const path = fc.constantFrom('a', 'a.b', '$', 'a[0].b', 'a[$index]', 'a[$index].b[$index]', 'x[');
const reference = fc.record({ $ref: path });
const operand = fc.oneof(primitive, payload, reference);

const entries = fc.letrec<{ schema: unknown }>((tie) => {
  const branches = fc.array(tie('schema'), { maxLength: 3 });
  const entry = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(key, tie('schema')) },
    fc.tuple(fc.constantFrom('$or', '$and'), branches),
    fc.tuple(fc.constant('$not'), tie('schema')),
    fc.tuple(fc.constantFrom(...Object.keys(OPERATORS)), operand),
    fc.tuple(fc.constant('$exist'), fc.boolean()),
    fc.tuple(fc.constant('$ref'), path),
  );
  const object = fc
    .uniqueArray(entry, { maxLength: 4, selector: ([name]) => name })
    .map((list) => Object.fromEntries(list as [string, unknown][]));
  return {
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      primitive,
      { weight: 3, arbitrary: object },
      branches,
    ),
  };
});
const schema = entries.schema.map(asJson);

const RUNS = { seed: 20260901, numRuns: 2_000 };

/** A copy of a schema with the keys of every object in reverse; operands of $eq and $neq stay, their order counts. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const list = Object.entries(value).map(([name, part]): [string, unknown] => [
    name,
    name === '$eq' || name === '$neq' ? part : reversed(part),
  ]);
  return Object.fromEntries(list.toReversed());
}

function nested(levels: number, wrap: (inner: unknown) => unknown, innermost: unknown): unknown {
  let value = innermost;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

describe('any filter on any payload', () => {
  test('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(schema, fc.anything()),
        fc.oneof(payload, fc.anything()),
        (filter, input) => {
          expect(typeof compileFilter(filter).matches(input)).toBe('boolean');
        },
      ),
      RUNS,
    );
  });

  test('is negated by a $not at the root', () => {
    // A $not that is falsy ("", 0, false, null) is no condition: see below.
    fc.assert(
      fc.property(schema.filter(Boolean), payload, (filter, input) => {
        const plain = compileFilter(filter).matches(input);
        expect(compileFilter({ $not: filter }).matches(input)).toBe(!plain);
      }),
      RUNS,
    );
  });

  test('does not depend on the order of its keys', () => {
    fc.assert(
      fc.property(schema, payload, (filter, input) => {
        const plain = compileFilter(filter).matches(input);
        expect(compileFilter(reversed(filter)).matches(input)).toBe(plain);
      }),
      RUNS,
    );
  });

  test('says the same each time and leaves the payload as it was', () => {
    fc.assert(
      fc.property(schema, payload, (filter, input) => {
        const before = JSON.stringify(input);
        const compiled = compileFilter(filter);
        expect(compiled.matches(input)).toBe(compiled.matches(input));
        expect(JSON.stringify(input)).toBe(before);
      }),
      RUNS,
    );
  });
});

describe('hostile filters and payloads', () => {
  test('a falsy $not is no condition', () => {
    expect(compileFilter({ $not: '' }).matches({ a: 1 })).toBe(true);
  });

  test('a payload nested a hundred thousand deep does not match and does not throw', () => {
    const deepList = nested(100_000, (inner) => [inner], 1);
    const deepObject = nested(100_000, (inner) => ({ a: inner }), 1);
    expect(compileFilter({ a: 1 }).matches({ a: deepList })).toBe(false);
    expect(compileFilter({ a: { $eq: {} } }).matches({ a: deepObject })).toBe(false);
    expect(compileFilter({ a: { $ref: 'b' } }).matches({ a: 1, b: deepObject })).toBe(false);
    expect(compileFilter({ a: { a: 1 } }).matches(deepObject)).toBe(false);
    expect(compileFilter({ b: 1 }).matches({ a: deepObject, b: 1 })).toBe(true);
  });

  test('a schema nested too deep does not match and does not throw', () => {
    const deep = nested(100_000, (inner) => ({ a: inner }), 1);
    expect(compileFilter(deep).matches(deep)).toBe(false);
    const fair = nested(50, (inner) => ({ a: inner }), 1);
    expect(compileFilter(fair).matches(fair)).toBe(true);
  });

  test('a schema of nested combinations compiles in step with its size', () => {
    const deep = nested(46, (inner) => ({ $or: [{ $not: inner }] }), { a: 1 });
    expect(compileFilter(deep).matches({ a: 1 })).toBe(true);
  });

  test('a reference that leads back to itself ends', () => {
    const loop = { a: 1, b: { $ref: 'b' } };
    expect(compileFilter({ a: { $ref: 'b' } }).matches(loop)).toBe(false);
    const fork = { a: 1, b: { $or: [{ $ref: 'b' }, { $ref: 'b' }] } };
    expect(compileFilter({ a: { $ref: 'b' } }).matches(fork)).toBe(false);
  });

  // Without a bound these take minutes, and the test runs into its time limit.
  test('lists compared with lists of the payload end after a bounded number of steps', () => {
    const up = Array.from({ length: 200_000 }, (_, index) => index);
    const down = up.toReversed();
    const payload = { left: { list: up }, right: { list: down }, up, down };
    expect(compileFilter({ left: { $ref: 'right' } }).matches(payload)).toBe(false);
    expect(compileFilter({ up: [{ $in: { $ref: 'down' } }] }).matches(payload)).toBe(true);
    expect(compileFilter({ up: [{ $eq: { $ref: 'down' } }] }).matches(payload)).toBe(false);
    expect(compileFilter({ up: [{ $ref: 'down' }] }).matches(payload)).toBe(false);
  });
});
