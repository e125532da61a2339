import { describe, expect, test } from 'vitest';
import { compileFilter } from '../../../src/domain/filter.ts';

const yes = true;
const no = false;
type Case = [schema: unknown, input: unknown, expected: boolean];

function check(name: string, cases: Case[]): void {
  test.each(cases)(`${name}: %j on %j is %s`, (schema, input, expected) => {
    expect(compileFilter(schema).matches(input)).toBe(expected);
  });
}

describe('plain values and shapes', () => {
  check('a literal compares loosely', [
    ['1', 1, yes],
    [1, '1', yes],
    [true, 1, yes],
    [false, '', yes],
    [{ a: null }, { a: null }, yes],
    [{ a: null }, { a: 0 }, no],
    [{ a: 'x' }, { a: { x: 'x' } }, no],
  ]);
  check('a literal matches a list with such an element, nested lists included', [
    [{ tags: 'a' }, { tags: ['b', 'a'] }, yes],
    [{ tags: 'a' }, { tags: [['a']] }, yes],
    [{ tags: 'a' }, { tags: [] }, no],
    [{ tags: 'a' }, { tags: [{ a: 'a' }] }, no],
  ]);
  check('every listed key must match', [
    [{ a: 1, b: 2 }, { a: 1, b: 2, c: 3 }, yes],
    [{ a: 1, b: 2 }, { a: 1, b: 3 }, no],
    [{}, { a: 1 }, yes],
    [{}, {}, yes],
  ]);
  check('a missing key fails unless it may be missing', [
    [{ a: { $neq: 1 } }, {}, no],
    [{ a: null }, {}, no],
    [{ a: { b: { $exist: false } } }, {}, no],
    [{ a: { $exist: false } }, {}, yes],
    [{ a: { $exist: false, $eq: null } }, {}, yes],
  ]);
  check('keys are literal and case-sensitive', [
    [{ 'a.b': 1 }, { 'a.b': 1 }, yes],
    [{ 'a.b': 1 }, { a: { b: 1 } }, no],
    [{ A: 1 }, { a: 1 }, no],
  ]);
  check('a list contains all, in any order', [
    [['a', 'b'], ['b', 'c', 'a'], yes],
    [['a', 'd'], ['b', 'c', 'a'], no],
    [[], ['a'], yes],
    [[], [], yes],
    [[{ id: 1 }, { id: 2 }], [{ id: 2 }, { id: 1 }], yes],
    [{ a: [] }, { a: 'text' }, no],
  ]);
  check('an object matches a list when one element matches all of it', [
    [{ items: { a: 1, b: 2 } }, { items: [{ a: 1 }, { b: 2 }] }, no],
    [{ items: { a: 1, b: 2 } }, { items: [{ a: 0 }, { a: 1, b: 2 }] }, yes],
  ]);
  check('keys of the prototype are keys like any other', [
    [{ constructor: { $exist: true } }, {}, no],
    [{ constructor: { $exist: false } }, {}, yes],
    [JSON.parse('{"__proto__":{"$exist":true}}'), {}, no],
    [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}'), yes],
    [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":2}'), no],
    [{ a: { $ref: 'constructor' } }, { a: null }, yes],
    [{ toString: { $exist: true } }, { toString: 1 }, yes],
  ]);
});

describe('operators', () => {
  check(
    '$eq and $neq compare primitives loosely, objects by their members, the rest as JSON text',
    [
      [{ a: { $eq: '1' } }, { a: 1 }, yes],
      [{ a: { $neq: '1' } }, { a: 1 }, no],
      [{ a: { $eq: { x: 1, y: 2 } } }, { a: { x: 1, y: 2 } }, yes],
      [{ a: { $eq: { x: 1, y: { p: 1, q: 2 } } } }, { a: { y: { q: 2, p: 1 }, x: 1 } }, yes],
      [{ a: { $neq: { x: 1, y: 2 } } }, { a: { y: 2, x: 1 } }, no],
      [{ a: { $eq: { x: 1, y: 2 } } }, { a: { y: 2, x: 1, z: 3 } }, no],
      [{ a: { $eq: [1, 2] } }, { a: [2, 1] }, no],
      [{ a: { $eq: { x: 1 } } }, { a: '{"x":1}' }, yes],
      [{ a: { $eq: '[1]' } }, { a: [1] }, yes],
      [{ a: { $eq: 1 } }, { a: [1] }, no],
      [{ a: { $neq: [1] } }, { a: [1] }, no],
      [{ a: { $neq: 'x' } }, { a: ['x'] }, yes],
    ],
  );
  check('comparisons are those of JavaScript on strings and numbers', [
    [{ a: { $gt: 9 } }, { a: '10' }, yes],
    [{ a: { $gt: '9' } }, { a: '10' }, no],
    [{ a: { $gte: 10 } }, { a: 10 }, yes],
    [{ a: { $gt: 10 } }, { a: 10 }, no],
    [{ a: { $lt: 10 } }, { a: 10 }, no],
    [{ a: { $lte: 10 } }, { a: 10 }, yes],
    [{ a: { $gt: 1 } }, { a: true }, no],
    [{ a: { $gte: 0 } }, { a: null }, no],
    [{ a: { $lt: 1 } }, { a: [0] }, no],
    [{ a: { $gt: true } }, { a: 5 }, no],
  ]);
  check('$in takes a list strictly and a string as substring', [
    [{ a: { $in: ['1'] } }, { a: 1 }, no],
    [{ a: { $in: [1] } }, { a: 1 }, yes],
    [{ a: { $in: 'ell' } }, { a: 'hello' }, yes],
    [{ a: { $in: 1 } }, { a: 'a1' }, yes],
    [{ a: { $in: 'a' } }, { a: 1 }, no],
    [{ a: { $in: [null] } }, { a: null }, no],
    [{ a: { $in: true } }, { a: 'true' }, no],
  ]);
  check('$nin is the opposite, where $in works at all', [
    [{ a: { $nin: [1, 2] } }, { a: 3 }, yes],
    [{ a: { $nin: [1, 2] } }, { a: 1 }, no],
    [{ a: { $nin: ['x'] } }, { a: null }, yes],
    [{ a: { $nin: 'x' } }, { a: 'abc' }, yes],
    [{ a: { $nin: 'x' } }, { a: 5 }, no],
    [{ a: { $nin: [1, true] } }, { a: 3 }, no],
  ]);
  check('$in and $nin never match a list', [
    [{ a: { $in: ['x'] } }, { a: ['x'] }, no],
    [{ a: { $nin: ['x'] } }, { a: ['y'] }, no],
  ]);
  check('$startsWith and $endsWith take one string or any of several', [
    [{ a: { $startsWith: 'so' } }, { a: 'some' }, yes],
    [{ a: { $startsWith: 'me' } }, { a: 'some' }, no],
    [{ a: { $endsWith: 'me' } }, { a: 'some' }, yes],
    [{ a: { $endsWith: ['x', 'y'] } }, { a: 'some' }, no],
    [{ a: { $startsWith: ['so', 1] } }, { a: 'some' }, no],
    [{ a: { $startsWith: '1' } }, { a: 12 }, no],
    [{ a: { $startsWith: 's' } }, { a: ['some'] }, no],
  ]);
  check('$exist asks for presence; null is present', [
    [{ a: { $exist: true } }, { a: null }, yes],
    [{ a: { $exist: true } }, {}, no],
    [{ a: { $exist: false } }, { a: null }, no],
    [{ a: { $exist: false } }, {}, yes],
    [{ a: { $exist: true } }, { a: [] }, yes],
    [{ a: { $exist: 'yes' } }, { a: 1 }, no],
  ]);
  check('several operators all hold', [
    [{ a: { $gt: 1, $lt: 3 } }, { a: 2 }, yes],
    [{ a: { $gt: 1, $lt: 3 } }, { a: 3 }, no],
    [{ a: { $exist: true, $neq: 1 } }, { a: 1 }, no],
  ]);
  check('operators on the root of an object are names of its keys', [
    [{ $exist: true }, { a: 1 }, no],
    [{ $exist: true }, { $exist: true }, yes],
  ]);
});

describe('combinations', () => {
  check('$or takes any branch, on objects and on values', [
    [{ $or: [{ a: 1 }, { b: 2 }] }, { b: 2 }, yes],
    [{ $or: [{ a: 1 }, { b: 2 }], c: 3 }, { b: 2, c: 4 }, no],
    [{ $or: [] }, { a: 1 }, no],
    [{ a: { $or: [] } }, { a: 1 }, no],
    [{ a: { $or: [{ $gt: 5 }, 'x'] } }, { a: 6 }, yes],
    [{ a: { $or: ['x', 'y'] } }, { a: ['z', 'y'] }, yes],
    [{ $or: ['a', 'b'] }, 'b', yes],
  ]);
  check('$or on a field hides what stands beside it', [
    [{ a: { $or: [1, 5], $gt: 3 } }, { a: 1 }, yes],
    [{ a: { $or: [1, 5], $exist: false } }, { a: 1 }, yes],
    [{ a: { $or: [{ b: 1 }], c: 2 } }, { a: { b: 1, c: 3 } }, yes],
  ]);
  check('$and takes all branches, on objects only', [
    [{ $and: [{ a: 1 }, { b: 2 }] }, { a: 1, b: 2 }, yes],
    [{ $and: [{ a: 1 }, { b: 2 }] }, { a: 1 }, no],
    [{ $and: [] }, { a: 1 }, yes],
    [{ o: { $and: [{ a: 1 }] } }, { o: { a: 1 } }, yes],
    [{ n: { $and: [1] } }, { n: 1 }, no],
    [{ n: { $and: [] } }, { n: 1 }, no],
  ]);
  check('$not negates on objects, beside its siblings', [
    [{ $not: { a: 1 } }, { a: 2 }, yes],
    [{ $not: { a: 1 } }, { a: 1 }, no],
    [{ $not: { a: 1 }, b: 2 }, { a: 2, b: 2 }, yes],
    [{ $not: { a: 1 }, b: 2 }, { a: 2, b: 3 }, no],
    [{ $not: { a: 1 }, b: 2 }, { a: 1, b: 2 }, no],
    [{ o: { $not: { a: 1 } } }, { o: { a: 2 } }, yes],
    [{ $not: { $not: { a: 1 } } }, { a: 1 }, yes],
  ]);
  check('$not on a primitive field never matches', [
    [{ status: { $not: 'x' } }, { status: 'y' }, no],
    [{ status: { $not: 'x' } }, { status: 'x' }, no],
  ]);
});

describe('references', () => {
  const order = { a: { b: 5 }, list: [{ v: 1 }, { v: 2 }], c: 5, 'd-e': 5, f: null };
  check('a path leads to a value of the same root', [
    [{ c: { $ref: 'a.b' } }, order, yes],
    [{ c: { $ref: '$.a.b' } }, order, yes],
    [{ c: { $ref: '["d-e"]' } }, order, yes],
    [{ c: { $ref: "['d-e']" } }, order, yes],
    [{ a: { b: { $ref: 'list[0].v' } } }, order, no],
    [{ list: { v: { $ref: 'list[1].v' } } }, order, yes],
    [{ c: { $gte: { $ref: 'a.b' } } }, order, yes],
    [{ c: { $gt: { $ref: 'a.b' } } }, order, no],
    [[{ v: { $ref: '[0].v' } }], [{ v: 1 }], yes],
  ]);
  check('a missing value is null', [
    [{ f: { $ref: 'nowhere.at.all' } }, order, yes],
    [{ c: { $ref: 'nowhere' } }, order, no],
    [{ f: { $ref: 'list[9]' } }, order, yes],
    [{ f: { $ref: 'list[-1]' } }, order, yes],
    [{ f: { $ref: 'c.length' } }, order, yes],
  ]);
  check('[$index] is the element looked at, outermost list first', [
    [
      { list: { v: { $ref: 'list[$index].w' } } },
      {
        list: [
          { v: 1, w: 2 },
          { v: 2, w: 1 },
        ],
      },
      no,
    ],
    [
      { m: { n: { v: { $ref: 'm[$index].n[$index].w' } } } },
      {
        m: [
          { n: [] },
          {
            n: [
              { v: 1, w: 2 },
              { v: 3, w: 3 },
            ],
          },
        ],
      },
      yes,
    ],
    [{ c: { $ref: 'list[$index].v' } }, order, no],
    [{ f: { $ref: 'list[$index].v' } }, order, no],
  ]);
  check('what a reference finds is matched as if written there', [
    [{ a: { $ref: 'b' } }, { a: ['x', 'y'], b: 'y' }, yes],
    [{ a: { $ref: 'b' } }, { a: ['x', 'y'], b: ['y'] }, no],
    [{ a: { $ref: 'b' } }, { a: { x: 1, y: 2 }, b: { x: 1 } }, yes],
    [{ a: { $in: { $ref: 'b' } } }, { a: 2, b: [1, 2] }, yes],
    [{ a: { $startsWith: { $ref: 'b' } } }, { a: 'abc', b: ['x', 'ab'] }, yes],
    [{ a: { $eq: { $ref: 'b' } } }, { a: { x: 1 }, b: { x: 1 } }, yes],
  ]);
  check('an operator on a list takes its operand as written', [
    [{ a: { $eq: { $ref: 'b' } } }, { a: [1], b: [1] }, no],
    [{ a: { $eq: { $ref: 'b' } } }, { a: [1], b: 1 }, no],
  ]);
  check('a reference that cannot be read does not match', [
    [{ c: { $ref: 'a[' } }, order, no],
    [{ c: { $ref: 'd-e' } }, order, no],
    [{ c: { $ref: 5 } }, order, no],
    [{ $or: [{ c: { $ref: 'a[' } }, { c: 5 }] }, order, yes],
    [{ $ref: 'a' }, 'text', no],
    // Inside a branch on a bare value there is no root to look into.
    [{ c: { $or: [{ $ref: 'a.b' }] } }, order, no],
    [{ c: { $or: [{ $ref: 'a.b' }, 5] } }, order, yes],
  ]);
});
