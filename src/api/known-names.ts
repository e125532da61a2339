import { type Problem, UNKNOWN_FIELD } from '../domain/schema/problem.ts';

/** The same problems; those of unknown parameters say which one was probably meant, or which there are. */
export function withKnown(problems: Problem[], known: string[]): Problem[] {
  if (known.length === 0) return problems;
  return problems.map(({ path, message }) => {
    const [name] = path;
    const isUnknown = message === UNKNOWN_FIELD && path.length === 1 && typeof name === 'string';
    return { path, message: isUnknown ? `${message}${remedy(name, known)}` : message };
  });
}

function remedy(name: string, known: string[]): string {
  const near = known.filter((each) => isNear(name, each));
  return near.length > 0
    ? `: did you mean ${near.join(' or ')}?`
    : `; the known ones are ${known.join(', ')}`;
}

// "source" and "source_name" mean "source_id", "order_byy" is a slip.
function isNear(name: string, known: string): boolean {
  const [first = ''] = name.toLowerCase().split('_');
  return (first.length > 1 && first === known.split('_')[0]) || distance(name, known) <= 2;
}

/** How many letters have to be added, removed or replaced; names that differ much in length are far apart anyway. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 0; row < a.length; row++) {
    const line = [row + 1];
    for (let column = 0; column < b.length; column++) {
      const replaced = above[column]! + (a[row] === b[column] ? 0 : 1);
      line.push(Math.min(replaced, above[column + 1]! + 1, line[column]! + 1));
    }
    above = line;
  }
  return above[b.length]!;
}
