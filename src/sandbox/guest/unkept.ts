// Which numbers of an output are not what came in, as lines of the run's log that name the place.
import { ownTable } from './own-table.ts';
import type { Unkept } from './output.ts';

const MOST_LINES = 10;
const { isArray } = Array;

type Place = { readonly holder: object; readonly key: string };

/** Gathers what could not be kept; `tell` writes it down. */
export function createUnkept(note: (message: string) => void): Unkept & { tell(): void } {
  const places = ownTable<object, Place>();
  let lines: string[] = [];
  let count = 0;

  const pathOf = (holder: object, key: string): string => {
    let path = '';
    let place: Place | undefined = { holder, key };
    for (; place !== undefined && place.key !== ''; place = places.get(place.holder)) {
      path = (isArray(place.holder) ? `[${place.key}]` : `.${place.key}`) + path;
    }
    return path;
  };

  return {
    enter(holder, key, value) {
      places.set(value, { holder, key });
    },
    add(holder, key, message) {
      count++;
      if (count <= MOST_LINES)
        lines[count - 1] = `The returned request${pathOf(holder, key)} ${message}.`;
    },
    tell() {
      for (let index = 0; index < lines.length; index++) note(lines[index] ?? '');
      if (count > MOST_LINES) note(`… and ${count - MOST_LINES} more numbers.`);
      lines = [];
    },
  };
}
