import { assert, constantFrom, property, string, array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MOST_FORM_FIELDS, scanForm } from '../../../src/verification/body/form.ts';
import { boundaryOf, scanMultipart } from '../../../src/verification/body/multipart.ts';
import type { FormField } from '../../../src/verification/body/form.ts';

function end<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
const texts = (fields: FormField[] | string) =>
  typeof fields === 'string'
    ? fields
    : fields.map(({ name, value }) => [name.toString('utf8'), value.toString('utf8')]);
const read = (text: string) => texts(end(scanForm(Buffer.from(text))));

test('a form is read as the URL standard has it', () => {
  const pieces = constantFrom('a', 'b=', '=', '&', '+', '%', '%2', '%41', '%c3%a9', '%zz', '?');
  assert(
    property(array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      expect(read(text)).toEqual([...new URLSearchParams(`&${text}`)]);
    }),
  );
  assert(
    property(
      array(array(string({ unit: 'grapheme' }), { minLength: 2, maxLength: 2 })),
      (pairs) => {
        const wellFormed = pairs.map(([a = '', b = '']): [string, string] => [a, b]);
        const text = new URLSearchParams(wellFormed).toString();
        expect(read(text)).toEqual([...new URLSearchParams(text)]);
      },
    ),
  );
});

test('a form of very many fields is refused, in no time', () => {
  expect(read('a=1&'.repeat(MOST_FORM_FIELDS))).toHaveLength(MOST_FORM_FIELDS);
  expect(read('a=1&'.repeat(MOST_FORM_FIELDS + 1))).toBe('TOO_MANY');
  expect(read('a&'.repeat(5_000_000))).toBe('TOO_MANY');
  expect(read('&'.repeat(5_000_000))).toEqual([]);
});

describe('a form in parts', () => {
  const parts = async (form: FormData) => {
    const response = new Response(form);
    const contentType = response.headers.get('content-type') ?? undefined;
    const body = Buffer.from(await response.arrayBuffer());
    return { body, boundary: boundaryOf(contentType) ?? '' };
  };

  test('is read as the platform writes it; files are passed over', async () => {
    const form = new FormData();
    form.set('timestamp', '1');
    form.append('é "quoted"', 'value with --boundary and \r\n lines');
    form.set('attachment-1', new File([Buffer.alloc(300_000, '\r\n--x')], 'a.bin'));
    form.append('empty', '');
    form.append('twice', 'a');
    form.append('twice', 'b');
    const { body, boundary } = await parts(form);
    expect(texts(end(scanMultipart(body, boundary)))).toEqual([
      ['timestamp', '1'],
      [expect.stringContaining('quoted'), 'value with --boundary and \r\n lines'],
      ['empty', ''],
      ['twice', 'a'],
      ['twice', 'b'],
    ]);
  });

  test.each([
    ['no end', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'],
    ['no parts', 'nothing'],
    ['no head', '--b\r\n1\r\n--b--'],
    ['a long head', `--b\r\nX: ${'x'.repeat(9_000)}\r\n\r\n1\r\n--b--`],
  ])('that is cut short or none is refused: %s', (_what, text) => {
    expect(end(scanMultipart(Buffer.from(text), 'b'))).toBe('INVALID');
  });

  test('has a preamble, names in other forms, and a limit', () => {
    const part = (head: string) => `\r\n--b\r\n${head}\r\n\r\n1`;
    const text = `hello${part('content-disposition:form-data; name=a')}${part(
      'Content-Type: text/plain\r\nContent-Disposition: form-data; filename="f"; name="b"',
    )}${part('Content-Disposition: attachment; name="c"')}\r\n--b--\r\n`;
    expect(texts(end(scanMultipart(Buffer.from(text), 'b')))).toEqual([['a', '1']]);
    const many = part('Content-Disposition: form-data; name="a"').repeat(1_001);
    expect(end(scanMultipart(Buffer.from(`${many}\r\n--b--`), 'b'))).toBe('TOO_MANY');
  });

  test.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b"', 'a b'],
    ['multipart/form-data', null],
    ['multipart/mixed; boundary=abc', null],
    [undefined, null],
  ])('is told by its content type: %s', (contentType, boundary) => {
    expect(boundaryOf(contentType)).toBe(boundary);
  });
});
