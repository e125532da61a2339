import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting();
});

/** Takes a request through code, and returns what its one event sends. */
async function sent(code: string, arriving: Parameters<typeof routing.take>[1]) {
  const { events } = await routing.take([await routing.code(code)], arriving);
  return routing.payloadOf(events[0]!.id);
}

describe('a text keeps the charset it came in', () => {
  const type = (value: string): [string, string][] => [['Content-Type', value]];
  const latin = (text: string) => Buffer.from(text, 'latin1');

  test('a form: fields that code did not touch keep their bytes', async () => {
    const code = handler('request.body.seen = request.body.name + "é"; return request;');
    const body = 'name=Mart%EDn&x=%e9+a&raw=\xed&charset=windows-1252';
    const form = { body: latin(body), headers: type('application/x-www-form-urlencoded') };
    expect((await sent(code, form)).body.toString('latin1')).toBe(`${body}&seen=Mart%EDn%E9`);
    const named = 'application/x-www-form-urlencoded; charset=windows-1252';
    const without = { body: latin('name=Mart%EDn'), headers: type(named) };
    const out = await sent(code, without);
    expect(out.body.toString('latin1')).toBe('name=Mart%EDn&seen=Mart%EDn%E9');
    expect(out.headers).toContainEqual(['content-type', named]);
  });

  test('a form, packed, through two transformations', async () => {
    const rules = [
      await routing.code(handler('request.body.a = "1"; return request;')),
      await routing.code(handler('delete request.body.b; return request;')),
    ];
    const { events } = await routing.take(rules, {
      body: gzipSync('n=%ED&b=2&n=%ed'),
      headers: [
        ...type('application/x-www-form-urlencoded; charset=iso-8859-1'),
        ['Content-Encoding', 'gzip'],
      ],
    });
    const { body } = await routing.payloadOf(events[0]!.id);
    expect(body.toString()).toBe('n=%ED&n=%ed&a=1');
  });

  test('a filter reads it', async () => {
    const taken = async (name: string) => {
      const { events } = await routing.take([{ type: 'filter', body: { name } }], {
        body: 'name=Mart%EDn',
        headers: type('application/x-www-form-urlencoded; charset=windows-1252'),
      });
      return events.length === 1;
    };
    expect(await taken('Martín')).toBe(true);
    expect(await taken('Mart\uFFFDn')).toBe(false);
  });

  test('text and XML: what code adds is written in it, or all of it in UTF-8', async () => {
    const add = (text: string) =>
      handler(`request.body += ${JSON.stringify(text)}; return request;`);
    const plain = { body: latin('ol\xe9'), headers: type('text/plain; charset=iso-8859-1') };
    expect((await sent(add('é'), plain)).body).toEqual(latin('ol\xe9\xe9'));
    const beyond = await sent(add('日'), plain);
    expect(beyond.body.toString()).toBe('olé日');
    expect(beyond.headers).toContainEqual(['content-type', 'text/plain; charset=utf-8']);
    const declared = '<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>';
    const xml = { body: latin(declared), headers: type('application/xml') };
    expect((await sent(add('<!-- ü -->'), xml)).body).toEqual(latin(`${declared}<!-- \xfc -->`));
  });

  test('JSON: what it has no place for is written as an escape', async () => {
    const code = handler('request.body.b = "ü日😀"; return request;');
    const json = { body: latin('{"a":"\xe9"}'), headers: type('application/json; charset=latin1') };
    expect((await sent(code, json)).body).toEqual(
      latin('{"a":"\xe9","b":"\xfc\\u65e5\\ud83d\\ude00"}'),
    );
  });
});
