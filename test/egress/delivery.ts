import type { Delivery } from '../../src/egress/outgoing.ts';

type Parts = { [Part in keyof Delivery]?: Partial<Delivery[Part]> };

/** A whole delivery, of which a test changes what it is about. */
export function deliveryOf(parts: Parts = {}): Delivery {
  return {
    project: { id: 'tm_1', headersPrefix: null, ...parts.project },
    source: { name: 'shop', ...parts.source },
    connection: { name: 'shop-to-billing', webhookHeaders: 'replace', ...parts.connection },
    destination: {
      id: 'des_1',
      name: 'billing',
      url: 'https://billing.example/hook',
      pathForwardingDisabled: false,
      httpMethod: null,
      timeoutMs: 15_000,
      signingSecrets: [],
      internalHeaders: [],
      ...parts.destination,
    },
    event: { id: 'evt_1', url: 'http://localhost:8300/events/evt_1', ...parts.event },
    request: {
      id: 'req_1',
      method: 'POST',
      path: '',
      query: '',
      headers: [],
      body: Buffer.from('{"a":1}'),
      sourceIp: '203.0.113.7',
      verified: true,
      ...parts.request,
    },
    attempt: { number: 1, trigger: 'INITIAL', willRetryAfterSeconds: 60, ...parts.attempt },
    nowMs: Date.UTC(2026, 10, 23, 12, 0, 0),
  };
}
