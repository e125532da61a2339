/** What a body says: which run and request it is, when it left, and whose it is where order matters. */
export type BodyFields = { run: number; seq: number; sentAtUs: number; customerId?: string };

/** A JSON body of exactly `bytes` bytes, or the shortest that holds its fields. */
export function makeBody(fields: BodyFields, bytes: number): Buffer {
  const { run, seq, sentAtUs, customerId } = fields;
  const customer = customerId === undefined ? '' : `"customer_id":"${customerId}",`;
  const head = `{"run":${run},"seq":${seq},"sentAtUs":${sentAtUs},${customer}"type":"order.created","pad":"`;
  return Buffer.from(`${head}${'x'.repeat(Math.max(0, bytes - head.length - 2))}"}`, 'latin1');
}
