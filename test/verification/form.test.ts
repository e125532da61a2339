import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBody } from '../../src/verification/content.ts';
import { formValue, readForm, writeForm } from '../../src/verification/form.ts';

const FORM = 'application/x-www-form-urlencoded';

function fieldsOf(text: string | Buffer, contentType = FORM) {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  return parseBody(contentType, bytes).value;
}

/** What is written of a form after a change of its texts. */
function rewritten(
  text: string,
  change: (texts: Map<string, string[]>) => void,
  contentType = FORM,
) {
  const before = readForm(Buffer.from(text, 'latin1'), contentType);
  const entries = Object.entries(formValue(before));
  const texts = new Map(entries.map(([name, value]) => [name, [value].flat()]));
  change(texts);
  return writeForm(texts, { contentType, before }).toString('latin1');
}

describe('a form is read in its own charset', () => {
  test.each([
    ['its content type names it', `${FORM}; charset=windows-1252`, 'name=Mart%EDn', 'Martín'],
    [
      'by another of its names, in capitals',
      `${FORM};CHARSET="ISO-8859-1"`,
      'name=Mart%EDn',
      'Martín',
    ],
    ['for bytes that are not escaped', `${FORM}; charset=latin1`, 'name=Mart\xedn', 'Martín'],
    ['HTML’s own field names it', FORM, 'name=Mart%EDn&_charset_=windows-1252', 'Martín'],
    [
      'a field does, as in PayPal’s notifications',
      FORM,
      'charset=windows-1252&name=Mart%EDn',
      'Martín',
    ],
    ['two bytes a character', `${FORM}; charset=Shift_JIS`, 'name=%93%FA%96%7B+%93%FA', '日本 日'],
    ['with half of a character escaped', `${FORM}; charset=Shift_JIS`, 'name=%83A', 'ア'],
    [
      'characters of seven bits each',
      `${FORM}; charset=iso-2022-jp`,
      'name=%1B%24B%46%7C%1B%28B',
      '日',
    ],
    ['Cyrillic', `${FORM}; charset=koi8-r`, 'name=%F1', 'Я'],
    [
      'the content type goes before a field',
      `${FORM}; charset=utf-8`,
      'name=%C3%A9&charset=windows-1252',
      'é',
    ],
    ['UTF-8 where none is named', FORM, 'name=%C3%A9', 'é'],
    ['UTF-8 where the named one is not known', `${FORM}; charset=nope`, 'name=%C3%A9', 'é'],
    ['UTF-8 where a field names no charset', FORM, 'charset=Sound+of+Music&name=%C3%A9', 'é'],
    ['UTF-8 in the place of UTF-16', `${FORM}; charset=utf-16le`, 'name=%C3%A9', 'é'],
  ])('%s', (_name, contentType, text, expected) => {
    expect(fieldsOf(text, contentType)).toMatchObject({ name: expected });
  });

  test('and in UTF-8 as the URL standard does', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '%',
        '%4',
        '%zz',
        '%C3%A9',
        '%ff',
        '+',
        '=',
        '&',
        '&&',
        '%26',
        '%3D',
        '?',
        '_',
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `a${pieces.join('')}`.toWellFormed();
        const expected: Record<string, string[]> = {};
        for (const [name, value] of new URLSearchParams(text)) {
          if (!Object.hasOwn(expected, name))
            Object.defineProperty(expected, name, { value: [], enumerable: true });
          expected[name]!.push(value);
        }
        const found = fieldsOf(Buffer.from(text)) as Record<string, string | string[]>;
        const lists = Object.entries(found).map(([name, value]) => [name, [value].flat()]);
        expect(Object.fromEntries(lists)).toEqual(expected);
      }),
    );
  });
});

describe('a form is written with the bytes of every field that stays', () => {
  const text = 'name=Mart%EDn&city=S%e3o+Paulo&tag=a&x=1%20&tag=b&raw=\xed&empty&none=';
  const type = `${FORM}; charset=windows-1252`;

  test('in its place, where one is changed, one is taken away and one is new', () => {
    const change = (texts: Map<string, string[]>) => {
      texts.set('x', ['größer & €']);
      texts.delete('empty');
      texts.set('new', ['ä=1', '日']);
    };
    expect(rewritten(text, change, type)).toBe(
      'name=Mart%EDn&city=S%e3o+Paulo&tag=a&x=gr%F6%DFer+%26+%80&tag=b&raw=\xed&none=&new=%E4%3D1&new=%26%2326085%3B',
    );
  });

  test('where a list gets shorter or longer', () => {
    expect(rewritten(text, (texts) => texts.get('tag')!.pop(), type)).not.toContain('tag=b');
    expect(rewritten(text, (texts) => texts.get('tag')!.push('ü'), type)).toMatch(
      /tag=b.*&tag=%FC$/,
    );
  });

  test('in any form: one field more, and all others as they came', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '=',
      '=',
      '&',
      '%ED',
      '%e9',
      '+',
      '%20',
      '\xe4',
      '%',
      '*',
      '%00',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.constantFrom(type, FORM),
        (pieces, contentType) => {
          const whole = pieces.join('');
          const fields = whole.split('&').filter((field) => field !== '');
          const written = rewritten(whole, (texts) => texts.set('more', ['1']), contentType);
          expect(written).toBe([...fields, 'more=1'].join('&'));
        },
      ),
    );
  });

  test('anew, where the charset is another one than that it came in', () => {
    const before = readForm(Buffer.from('a=%ED'), type);
    const texts = new Map([['a', ['í']]]);
    expect(writeForm(texts, { contentType: FORM, before }).toString()).toBe('a=%C3%AD');
    expect(writeForm(texts, { contentType: type, before: null }).toString()).toBe('a=%ED');
  });

  test('of which code was shown ten thousand, and the others too', () => {
    const many = Array.from({ length: 12_000 }, (_, n) => `f=${n}%ED`).join('&');
    expect(fieldsOf(many, type)).toMatchObject({ f: { length: 10_000 } });
    const written = rewritten(many, (texts) => texts.get('f')!.splice(0, 1, 'x'), type);
    expect(written === many.replace('f=0%ED', 'f=x')).toBe(true);
  });
});
