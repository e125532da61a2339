import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createSecureContext } from 'node:tls';
import { afterAll } from 'vitest';
import { makeCertificate } from '../egress/certificate.ts';
import type { Cloud } from './cloud.ts';
import { createAmazon } from './cloud-amazon.ts';
import { createGoogle } from './cloud-google.ts';
import { removeAtEnd } from './left-behind.ts';

/**
 * Starts Amazon SNS and Google Pub/Sub for all tests of the file, with keys of their own. `env` is what a gateway needs
 * to reach them, `programs` a folder with `aws` and `gcloud`.
 */
export async function startClouds() {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-clouds-'));
  removeAtEnd(folder);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const clouds = { aws: createAmazon(), gcloud: await createGoogle() };
  const { port, authority } = await serveHosts(Object.values(clouds));
  await writeFile(join(folder, 'authority.pem'), authority);
  const commands = await serveCommands(clouds);
  for (const name of Object.keys(clouds)) {
    const script = `#!/bin/sh\nprintf '%s\\0' "$@" | curl -sS --fail-with-body --data-binary @- ${commands}/${name}\n`;
    await writeFile(join(folder, name), script, { mode: 0o755 });
  }
  const hosts = Object.values(clouds).map(({ host }) => [host, port]);
  return {
    programs: folder,
    env: {
      NODE_OPTIONS: `--import=${new URL('./other-hosts.ts', import.meta.url).href}`,
      NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem'),
      OTHER_HOSTS: JSON.stringify(Object.fromEntries(hosts)),
    },
  };
}

/** One HTTPS server for all hosts, each with a certificate of its own. */
async function serveHosts(clouds: Cloud[]): Promise<{ port: number; authority: string }> {
  const authority = makeCertificate({ name: 'an authority of the tests', isAuthority: true });
  const contexts = new Map(
    clouds.map(({ host }) => {
      const { key, cert } = makeCertificate({ name: host, issuer: authority });
      return [host, createSecureContext({ key, cert })];
    }),
  );
  const server = createServer({ SNICallback: (host, done) => done(null, contexts.get(host)) });
  server.on('request', (request, response) => {
    const cloud = clouds.find(({ host }) => host === request.headers.host);
    response.end(cloud?.answer(request.url!));
  });
  return { port: await listen(server), authority: authority.cert };
}

/** Takes the words of a command, each with a zero byte behind it. Returns the URL, which the program's name follows. */
async function serveCommands(clouds: Record<string, Cloud>): Promise<string> {
  const server = createHttpServer((request, response) => {
    const run = async () => {
      const words = (await text(request)).split('\0').slice(0, -1);
      return clouds[request.url!.slice(1)]!.command(words);
    };
    run().then(
      (printed) => response.end(`${printed}\n`),
      (error: Error) => response.writeHead(500).end(`${error.message}\n`),
    );
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
