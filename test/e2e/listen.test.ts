import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAdmin, requestIdOf } from '../support/admin.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporaryData } from '../support/gateway.ts';
import { launch } from '../support/gateway-process.ts';
import { lastingPort } from '../support/ports.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
const servers = await startSplitGateway();
const folder = await temporaryData();
const receiver = await startReceiver();

/** Another gateway process on the same servers. */
async function start(command: 'api' | 'worker', env: Record<string, string>) {
  const part = launch(command, {
    DATABASE_URL: servers.databaseUrl,
    TEMPORAL_ADDRESS: servers.temporalAddress,
    ENCRYPTION_KEY: servers.encryptionKey,
    API_KEY: 'sk_end_to_end_tests_only',
    DATA_DIR: join(folder, command, String(await lastingPort())),
    PORT: String(await lastingPort()),
    EGRESS_ALLOW_CIDRS: '127.0.0.0/8,::1/128',
    LOG_LEVEL: 'info',
    ...env,
  });
  const [, url = ''] = await part.said(
    /"url":"(http:[^"]+)"[^\n]*The API is running|The worker is running/,
  );
  return { part, url };
}

const HOSTS: [string, RegExp][] = [
  ['::', /^http:\/\/\[::1\]:\d+$/],
  ['::1', /^http:\/\/\[::1\]:\d+$/],
  ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ['localhost', /^http:\/\/localhost:\d+$/],
];

test.each(HOSTS.filter(([host]) => hasIpv6 || !host.includes(':')))(
  'api and worker start with HOST=%s, and a source URL of theirs is answered',
  async (host, wanted) => {
    const { part, url } = await start('api', { HOST: host });
    const worker = await start('worker', { HOST: host });
    try {
      expect(url).toMatch(wanted);
      const admin = createAdmin({ url: () => url, apiKey: () => 'sk_end_to_end_tests_only' });
      const name = `at${host.replaceAll(/\W/g, '-')}`;
      await admin.define({ name, url: receiver.url(name) });
      const source = ((await admin.models(`/sources?name=${name}`))[0] ?? {})['url'];
      expect(source).toMatch(new RegExp(`^${url.replaceAll(/[[\]]/g, '\\$&')}/in/src_`));
      expect((await fetch(String(source), { method: 'POST', body: '{}' })).status).toBe(200);
      requestIdOf(await admin.post(name));
      await receiver.nth(name, 2);
    } finally {
      await Promise.all([part.interrupt(), worker.part.interrupt()]);
    }
  },
);

test('a changed API_KEY makes the former one void at its next start, in processes that run on as well', async () => {
  const made = await servers.admin.done('POST', '/api-keys', { label: 'made by hand' });
  const opens = async (key: string) =>
    (
      await fetch(`${servers.url()}/2026-09-01/sources`, {
        headers: { authorization: `Bearer ${key}` },
      })
    ).status === 200;
  const { part } = await start('api', { API_KEY: 'sk_another_one_of_the_tests' });
  try {
    await until('the former is void', async () => !(await opens('sk_end_to_end_tests_only')));
    expect(await opens('sk_another_one_of_the_tests')).toBe(true);
    expect(await opens(String(made['key']))).toBe(true);
  } finally {
    await part.interrupt();
  }
});
