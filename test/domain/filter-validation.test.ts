import { describe, expect, test } from 'vitest';
import { validateFilter } from '../../src/domain/filter-validation.ts';

function paths(schema: unknown): string[] {
  return validateFilter(schema).map(({ path }) => path);
}

describe('a filter that can be saved', () => {
  test.each<[unknown]>([
    ['/path'],
    [3],
    [null],
    [[]],
    [{}],
    [{ type: 'order/created', tags: ['a', { id: 1 }] }],
    [{ a: { $eq: { any: ['thing'], $known: 1 } }, b: { $neq: null } }],
    [{ a: { $gt: 1, $gte: '1', $lt: 2, $lte: { $ref: 'b' } } }],
    [{ a: { $in: [1, 'x'] }, b: { $nin: 'x' }, c: { $in: 3 }, d: { $in: [] } }],
    [{ a: { $startsWith: 'x' }, b: { $endsWith: ['x', 'y'] } }],
    [{ a: { $exist: true, $or: ['x', { $gt: 3 }] } }],
    [{ $or: [{ a: 1 }, { b: 2 }], $and: [], $not: { c: 3 } }],
    [{ a: { $ref: 'items[$index].price' }, b: { $ref: '$["content-type"][0]' } }],
    [{ price: 'costs $5', '': 1 }],
  ])('%j has no fault', (schema) => {
    expect(validateFilter(schema)).toEqual([]);
  });
});

describe('a filter that cannot work', () => {
  test.each<[unknown, string[]]>([
    [{ a: { b: { $gtt: 1 } } }, ['a.b.$gtt']],
    [{ $exists: true }, ['$exists']],
    [{ a: { $gt: [1] } }, ['a.$gt']],
    [{ a: { $lt: null } }, ['a.$lt']],
    [{ a: { $gte: true } }, ['a.$gte']],
    [{ a: { $lte: {} } }, ['a.$lte']],
    [{ a: { $in: [true] } }, ['a.$in']],
    [{ a: { $nin: { x: 1 } } }, ['a.$nin']],
    [{ a: { $in: null } }, ['a.$in']],
    [{ a: { $startsWith: 1 } }, ['a.$startsWith']],
    [{ a: { $endsWith: ['x', 1] } }, ['a.$endsWith']],
    [{ a: { $exist: 'true' } }, ['a.$exist']],
    [{ $or: { a: 1 } }, ['$or']],
    [{ a: { $and: 1 } }, ['a.$and']],
    [{ a: { $ref: 1 } }, ['a.$ref']],
    [{ a: { $ref: '' } }, ['a.$ref']],
    [{ a: { $gt: { $ref: 'b[' } } }, ['a.$gt.$ref']],
    [{ a: { $ref: 'content-type' } }, ['a.$ref']],
    [{ a: { $ref: '..a' } }, ['a.$ref']],
    [{ a: { $ref: 'a[?(@.b)]' } }, ['a.$ref']],
    [[{ a: [1, { $no: 1 }] }], ['[0].a[1].$no']],
    [{ $not: { $or: [1, { 'x.y': { $no: 1 } }] } }, ['$not.$or[1]["x.y"].$no']],
    [undefined, ['']],
    [{ a: undefined }, ['a']],
    [() => 1, ['']],
  ])('%j is at fault in %j', (schema, expected) => {
    expect(paths(schema)).toEqual(expected);
  });

  test('says what is wrong in a sentence that follows the path', () => {
    expect(validateFilter({ a: { $gt: [] } })).toEqual([
      { path: 'a.$gt', message: 'must be a string or a number' },
    ]);
    expect(validateFilter({ a: { $like: 'x' } })[0]?.message).toContain('is not an operator');
  });

  test('names every wrong part, up to twenty', () => {
    expect(paths({ a: { $x: 1 }, b: { $y: 1 } })).toEqual(['a.$x', 'b.$y']);
    const many = Array.from({ length: 1_000 }, () => ({ $x: 1 }));
    expect(paths(many)).toHaveLength(20);
  });

  test.each([
    ['in keys', (inner: unknown) => ({ a: inner }), { a: 1 }],
    ['in lists', (inner: unknown) => [inner], [1]],
    ['in branches', (inner: unknown) => ({ $or: [inner] }), { a: 1 }],
  ])('refuses one nested too deep %s, without walking to the bottom', (_where, wrap, innermost) => {
    let schema: unknown = innermost;
    for (let level = 0; level < 100_000; level++) schema = wrap(schema);
    const faults = validateFilter(schema);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.message).toContain('deeper than 100 levels');
  });

  test('refuses an operand nested too deep', () => {
    let operand: unknown = 1;
    for (let level = 0; level < 100_000; level++) operand = [operand];
    expect(paths({ a: { $eq: operand } })).toEqual(['a.$eq']);
  });
});
