import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeEnds, startGatewayWithSandbox, type Ends } from './ends.ts';
import { type Answer, type Gateway, type Json } from './gateway.ts';
import { arrive, makeAttempt, makeEvent, makeExecution } from './history.ts';

const ONE = '8202522731445525542';
const OTHER = '8202522731445525543';
const LIST = `[${ONE},1.10,-2.50,${OTHER}.25,{"n":100.0}]`;

let gateway: Gateway;
let ends: Ends;
beforeAll(async () => {
  gateway = await startGatewayWithSandbox();
  ends = await makeEnds(gateway);
});
afterAll(() => gateway.close());

const JSON_TYPE = { 'content-type': 'application/json' };
const send = (method: string, path: string, raw: string): Promise<Answer> =>
  gateway.ask(method, path, { raw, headers: JSON_TYPE });

/** The answer's text, of a call that must succeed. */
async function text(answer: Promise<Answer>): Promise<string> {
  const { status, text: body } = await answer;
  if (status !== 200) throw new Error(body);
  return body;
}

describe('configuration is given back with its numbers as they were written', () => {
  // In the order in which PostgreSQL keeps members.
  const first = `{"n":{"$gt":1e2,"$in":[${ONE},1.10,-2.50,${OTHER}.25]},"id":${ONE}}`;
  const second = `"body":${OTHER},"query":{"$or":[{"a":0.0}]}`;
  const filters = `[{"type":"filter","body":${first}},{"type":"filter",${second}}]`;
  const kept = filters.replace('1e2', '100');

  test('the filters of a connection: where it is made, changed, made or changed by its name, read and listed', async () => {
    const made = await text(
      send(
        'POST',
        '/connections',
        `{"name":"n1","source":{"name":"n1"},"destination":{"name":"n1","config":{"url":"https://example.com"}},"rules":${filters}}`,
      ),
    );
    expect(made).toContain(`"rules":${kept}`);
    const { id } = JSON.parse(made) as { id: string };
    expect(await text(gateway.ask('GET', `/connections/${id}`))).toContain(`"rules":${kept}`);
    expect(await text(gateway.ask('GET', '/connections?name=n1'))).toContain(`"rules":${kept}`);

    const more = filters.replaceAll(ONE, '99999999999999999999.10');
    const changed = await text(send('PUT', `/connections/${id}`, `{"rules":${more}}`));
    expect(changed).toContain(`"rules":${kept.replaceAll(ONE, '99999999999999999999.10')}`);
    const upserted = await text(
      send(
        'PUT',
        '/connections',
        `{"name":"n1","source":{"name":"n1"},"destination":{"name":"n1"},"rules":${filters}}`,
      ),
    );
    expect(upserted).toContain(`"rules":${kept}`);
    expect(await text(gateway.ask('GET', `/connections/${id}`))).toContain(`"rules":${kept}`);
  });

  test('the schema of a source', async () => {
    const schema = `{"properties":{"id":{"maximum":${ONE},"multipleOf":0.10,"enum":${LIST}}}}`;
    const made = await text(
      send(
        'POST',
        '/sources',
        `{"name":"schema","type":"WEBHOOK","config":{"schema":{"json_schema":${schema},"mode":"warn"}}}`,
      ),
    );
    const { id } = JSON.parse(made) as { id: string };
    const read = await text(gateway.ask('GET', `/sources/${id}`));
    for (const part of [`"maximum":${ONE}`, '"multipleOf":0.10', `"enum":${LIST}`]) {
      expect(made).toContain(part);
      expect(read).toContain(part);
    }
  });
});

describe('a field that must be a number takes it however it is written, and says what is wrong with it', () => {
  test.each([
    ['60000.0', 60_000],
    ['6e4', 60_000],
    ['6.0E+4', 60_000],
  ])('%s', async (written, expected) => {
    const rules = `[{"type":"filter","body":{"id":${ONE}}},{"type":"delay","delay":${written}}]`;
    const answer = await text(
      send('PUT', `/connections/${ends.connectionId}`, `{"rules":${rules}}`),
    );
    expect(answer).toContain(`"delay":${expected}`);
    expect(answer).toContain(`"id":${ONE}`);
  });

  test.each([
    ['{"rules":[{"type":"delay","delay":8202522731445525542}]}', 'body.rules[0].delay'],
    ['{"rules":[{"type":"delay","delay":1.50}]}', 'body.rules[0].delay must be a whole number'],
    ['{"rules":[{"type":"delay","delay":1e400}]}', 'body.rules[0].delay must be'],
    ['{"rules":8202522731445525542}', 'body.rules must be an array'],
    ['{"rules":[1.10]}', 'body.rules[0] must be an object'],
    ['{"name":1.10}', 'body.name must be a string'],
    ['{"description":8202522731445525542}', 'body.description must be a string'],
    [
      '{"rules":[{"type":"filter","body":{"id":{"$gte":[1.10]}}}]}',
      'body.rules[0].body.id.$gte must be',
    ],
  ])('%s', async (raw, message) => {
    const answer = await send('PUT', `/connections/${ends.connectionId}`, raw);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(message);
  });

  test.each(['1e999999999', '-1e-999999999', '1e1001', '9'.repeat(1_001)])(
    '%s is more than is kept: 422 with the place',
    async (number) => {
      const rules = `[{"type":"filter","body":{"a":[{"id":${number}}]}}]`;
      const answer = await send('PUT', `/connections/${ends.connectionId}`, `{"rules":${rules}}`);
      expect(answer.status).toBe(422);
      expect(answer.text).toContain('body.rules[0].body.a[0].id must be a number of at most');
    },
  );

  test('1e400 is kept', async () => {
    const rules = '[{"type":"filter","body":{"id":1e400}}]';
    const answer = await text(
      send('PUT', `/connections/${ends.connectionId}`, `{"rules":${rules}}`),
    );
    expect(answer).toContain(`"id":1${'0'.repeat(400)}`);
  });
});

describe('what came in and went out is shown with its numbers as they were written', () => {
  const body = `{"id":${ONE},"price":1.10,"huge":1e400,"list":[${OTHER},-0,1E2],"__proto__":1.0}`;

  test('a request, a page of requests, an event and an attempt', async () => {
    const requestId = await arrive(gateway.db, { ...ends, body });
    const eventId = await makeEvent(gateway.db, { ...ends, requestId });
    await makeAttempt(gateway.db, {
      ...ends,
      eventId,
      number: 1,
      status: 'SUCCESSFUL',
      responseStatus: 200,
      body,
    });
    for (const path of [
      `/requests/${requestId}`,
      `/requests?id=${requestId}&include=data`,
      `/events/${eventId}`,
      `/events?id=${eventId}&include=data`,
      `/attempts?event_id=${eventId}`,
    ]) {
      const shown = await text(gateway.ask('GET', path));
      expect([path, shown]).toEqual([path, expect.stringContaining(`"body":${body}`)]);
    }
  });

  test('requests are found by the very number', async () => {
    const one = await arrive(gateway.db, { ...ends, body: `{"find":{"id":${ONE}}}` });
    const other = await arrive(gateway.db, { ...ends, body: `{"find":{"id":${OTHER}}}` });
    const find = async (number: string) => {
      const query = encodeURIComponent(`{"find":{"id":${number}}}`);
      const page = await gateway.done('GET', `/requests?body=${query}`);
      return (page['models'] as Json[]).map(({ id }) => id);
    };
    expect(await find(ONE)).toEqual([one]);
    expect(await find(`${OTHER}.0`)).toEqual([other]);
    expect(await find('1e400')).toEqual([]);
  });

  test('a test run, of a request given by hand or stored', async () => {
    const code = JSON.stringify(
      "addHandler('transform', (request) => { request.body.seen = true; return request; });",
    );
    const own = body.replace('__proto__', 'proto');
    const given = await text(
      send(
        'PUT',
        '/transformations/run',
        `{"code":${code},"request":{"headers":{"content-type":"application/json"},"body":${own}}}`,
      ),
    );
    expect(given).toContain(`"body":${own.replace(/\}$/, ',"seen":true}')}`);
    const id = await arrive(gateway.db, { ...ends, body });
    const stored = await text(
      send('PUT', '/transformations/run', `{"code":${code},"request_id":"${id}"}`),
    );
    expect(stored).toContain(`"body":${body.replace(/\}$/, ',"seen":true}')}`);
  });

  test('a test run whose body is nothing but a number', async () => {
    const code = JSON.stringify("addHandler('transform', (request) => request);");
    const headers = '{"content-type":"application/json"}';
    const shown = await text(
      send(
        'PUT',
        '/transformations/run',
        `{"code":${code},"request":{"headers":${headers},"body":${ONE}}}`,
      ),
    );
    expect(shown.split(`"body":${ONE}`)).toHaveLength(3);
  });

  test('an execution, on both sides', async () => {
    const code = "addHandler('transform', (request) => request);";
    const made = await gateway.done('POST', '/transformations', { name: 'shown', code });
    const transformationId = String(made['id']);
    const request = `{"headers":{},"body":${body},"query":"","parsed_query":{},"path":"/"}`;
    const output = JSON.stringify([{ headers: {}, path: '/', query: '', body, bodyKind: 'json' }]);
    for (const input of [`{"request":${request},"context":{}}`, null]) {
      const requestId = await arrive(gateway.db, { ...ends, body });
      const run = { ...ends, transformationId, requestId, input, output };
      const id = await makeExecution(gateway.db, run);
      const shown = await text(
        gateway.ask('GET', `/transformations/${transformationId}/executions/${id}`),
      );
      expect(shown.split(`"body":${body}`)).toHaveLength(3);
    }
  });
});
