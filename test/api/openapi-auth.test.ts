import { afterAll, beforeAll, expect, test } from 'vitest';
import { destinationAuthFields } from '../../src/domain/schema/destination-auth.ts';
import { authSchemaFor } from '../../src/verification/source-config.ts';
import { sourceTypeNames } from '../../src/verification/source-types.ts';
import { createValidators } from './conformance.ts';
import { type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
let faultOf: (component: string, value: unknown) => string | null;
beforeAll(async () => {
  gateway = await startGateway();
  const validatorAt = createValidators(gateway.document);
  faultOf = (component, value) => validatorAt(['components', 'schemas', component])(value);
});
afterAll(() => gateway.close());

const url = 'https://example.com';

test('each auth_type of a destination has its own fields in the document, and their example is accepted', async () => {
  const names = Object.keys(gateway.document.components.schemas);
  const typed = names.filter((name) => name.startsWith('DestinationAuth'));
  expect(typed.length).toBe(Object.keys(destinationAuthFields).length);
  for (const [type, fields] of Object.entries(destinationAuthFields)) {
    const { examples = [] } = fields.meta() ?? {};
    const [auth] = examples as Json[];
    const config = { url, auth_type: type, auth };
    expect(faultOf('DestinationInput', { name: 'd', config })).toBeNull();
    await gateway.done('PUT', '/destinations', { name: type, config });
    const wrong = { ...config, auth: { ...auth, unknown: 'x' } };
    expect(faultOf('DestinationInput', { name: 'd', config: wrong })).not.toBeNull();
    const refused = await gateway.ask('PUT', '/destinations', {
      body: { name: type, config: wrong },
    });
    expect(refused.status).toBe(422);
  }
});

test('the credentials of one auth_type are not those of another', () => {
  const auth = { token: 'token_8c2e' };
  const config = (type: string | null) => ({ name: 'd', config: { url, auth_type: type, auth } });
  expect(faultOf('DestinationInput', config('BEARER_TOKEN'))).toBeNull();
  expect(faultOf('DestinationInput', config('API_KEY'))).not.toBeNull();
  expect(faultOf('DestinationInput', config('NO_SUCH_TYPE'))).not.toBeNull();
  // A change may leave the type out: it keeps what is stored.
  expect(faultOf('DestinationUpdate', { config: { auth } })).toBeNull();
  expect(faultOf('DestinationUpdate', { config: { auth: null } })).toBeNull();
});

test('the document and the gateway agree on the credentials of every type of source', () => {
  const tries: Json[] = [
    {},
    { webhook_secret_key: 's3cret' },
    { token: 't0ken' },
    { api_key: 'k3y' },
    { username: 'u', password: 'passw0rd' },
    { webhook_secret_key: 's3cret', header_key: 'x-signature' },
    { webhook_secret_key: 's3cret', tolerance_seconds: -1 },
    { verify_token: 'v' },
    { unknown: 'x' },
  ];
  let accepted = 0;
  for (const type of sourceTypeNames) {
    for (const auth of tries) {
      // WEBHOOK and HTTP take what their auth_type names.
      const isGeneric = type === 'WEBHOOK' || type === 'HTTP';
      const config = { auth, ...(isGeneric && { auth_type: 'HMAC' }) };
      // Whether a key can be read, a schema cannot see.
      const verdict = authSchemaFor(type, isGeneric ? 'HMAC' : null).safeParse(auth).success;
      if (verdict) accepted++;
      const input = { name: 's', type, config };
      expect([type, auth, faultOf('SourceInput', input) === null]).toEqual([type, auth, verdict]);
    }
  }
  expect(accepted).toBeGreaterThan(100);
});

test('the credentials of a WEBHOOK source are those its auth_type names', () => {
  const source = (type: string, auth_type: string | null, auth: Json) => ({
    name: 's',
    type,
    config: { auth_type, auth },
  });
  const basic = { username: 'u', password: 'p' };
  expect(faultOf('SourceInput', source('WEBHOOK', 'BASIC_AUTH', basic))).toBeNull();
  expect(faultOf('SourceInput', source('WEBHOOK', 'STRIPE', basic))).not.toBeNull();
  expect(faultOf('SourceInput', source('HTTP', 'BASIC_AUTH', basic))).toBeNull();
  const secret = { webhook_secret_key: 's' };
  expect(faultOf('SourceInput', source('WEBHOOK', 'STRIPE', secret))).toBeNull();
  expect(faultOf('SourceInput', source('HTTP', 'STRIPE', secret))).not.toBeNull();
  expect(faultOf('SourceInput', source('NO_SUCH_TYPE', null, secret))).not.toBeNull();
});
