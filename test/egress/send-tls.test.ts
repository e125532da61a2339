import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { makeCertificate } from './certificate.ts';
import { httpReceiver, loopbackSender, requestTo, tcpReceiver } from './receivers.ts';

const authority = makeCertificate({ name: 'Test authority', isAuthority: true });
const trusted = { extraCertificates: [authority.cert] };

test('a certificate from a trusted authority for the right name is accepted', async () => {
  let serverName: unknown;
  const { url } = await httpReceiver(
    (request, response) => {
      serverName = (request.socket as TLSSocket).servername;
      response.end('ok');
    },
    makeCertificate({ issuer: authority }),
  );
  const outcome = await loopbackSender(trusted).send(requestTo(url));
  expect(outcome).toMatchObject({ kind: 'delivered', responseBody: Buffer.from('ok') });
  expect(serverName).toBe('localhost');
});

test.each([
  ['SELF_SIGNED_CERT', makeCertificate({})],
  ['UNABLE_TO_GET_ISSUER_CERT', makeCertificate({ issuer: makeCertificate({ name: 'Nobody' }) })],
  ['SSL_CERT_EXPIRED', makeCertificate({ issuer: authority, endsInDays: -1 })],
  ['ERR_TLS_CERT_ALTNAME_INVALID', makeCertificate({ issuer: authority, name: 'other.example' })],
])('a certificate that does not hold ends as %s, and nothing is sent', async (code, certified) => {
  let requests = 0;
  const { url } = await httpReceiver((_request, response) => {
    requests++;
    response.end();
  }, certified);
  const outcome = await loopbackSender(trusted).send(requestTo(url));
  expect(outcome).toMatchObject({ kind: 'failed', errorCode: code, deliveredAtMs: null });
  expect(requests).toBe(0);
});

test('https to a port that speaks plain HTTP ends as a wrong version', async () => {
  const { port } = await httpReceiver((_request, response) => response.end());
  const outcome = await loopbackSender().send(requestTo(`https://localhost:${port}/`));
  expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'ERR_SSL_WRONG_VERSION_NUMBER' });
});

test('a TLS handshake that stalls ends at the deadline', async () => {
  const { port } = await tcpReceiver(() => {});
  const request = requestTo(`https://localhost:${port}/`, { timeoutMs: 150 });
  const outcome = await loopbackSender().send(request);
  expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT', deliveredAtMs: null });
});
