import fc from 'fast-check';

/** A number of JSON as a sender may write it: of any length, with any zeros, with any exponent. */
export const numberText: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      fc.nat().map(String),
      fc.bigInt({ min: 1n, max: 10n ** 40n }).map(String),
      // Neighbours that are one double.
      fc.bigInt({ min: 2n ** 62n, max: 2n ** 62n + 3_000n }).map(String),
    ),
    fc.constantFrom('', '.0', '.10', '.5', '.50', '.000', '.00000000000000000001', '.123456789012'),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(
          fc.constantFrom('e', 'E'),
          fc.constantFrom('', '+', '-'),
          fc.constantFrom('0', '2', '02', '21', '308', '400'),
        )
        .map((parts) => parts.join('')),
    ),
  )
  .map((parts) => parts.join(''));

/** JSON text of any value with such numbers, compact, each name once. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    numberText,
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom('null', 'true', 'false', '"8202522731445525542"', '"\\\\"', '"{\\"a\\":1.10}"'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    objectText(tie('value')),
  ),
})).value;

export function objectText(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const name = fc.oneof(fc.constantFrom('id', 'a', 'b', '__proto__', 'toJSON', 'x"y'), fc.string());
  return fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key })
    .map((members) => {
      // JavaScript puts names that are indexes first.
      const ordered = members.filter(([key]) => !/^\d+$/.test(key));
      return `{${ordered.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
    });
}

/** The numbers of a JSON text, in their order. */
export function numbersIn(text: string): string[] {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"|(-?\d[\d.eE+-]*)/g)].flatMap(
    ([, number]) => number ?? [],
  );
}
