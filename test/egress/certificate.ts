import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export type Certified = { key: string; cert: string; name: string; privateKey: KeyObject };

const DAY_MS = 86_400_000;

/** Makes a certificate for `localhost` and 127.0.0.1 (or another name), signed by `issuer` or by itself. */
export function makeCertificate({
  name = 'localhost',
  issuer = null,
  isAuthority = false,
  endsInDays = 30,
}: {
  name?: string;
  issuer?: Certified | null;
  isAuthority?: boolean;
  endsInDays?: number;
}): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = der(0x30, oid('2a8648ce3d040302'));
  const start = Date.now() - 60 * DAY_MS;
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    commonName(issuer?.name ?? name),
    der(0x30, time(start), time(Date.now() + endsInDays * DAY_MS)),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, isAuthority ? authority() : alternativeNames(name))),
  );
  const signature = sign('sha256', body, issuer?.privateKey ?? privateKey);
  const whole = der(0x30, body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  const pem = whole.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    name,
    privateKey,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${pem}-----END CERTIFICATE-----\n`,
  };
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function commonName(name: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(name)))));
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${text}Z`));
}

function authority(): Buffer {
  const value = der(0x30, der(0x01, Buffer.from([0xff])));
  return der(0x30, oid('551d13'), der(0x01, Buffer.from([0xff])), der(0x04, value));
}

function alternativeNames(name: string): Buffer {
  const names = der(0x30, der(0x82, Buffer.from(name)), der(0x87, Buffer.from([127, 0, 0, 1])));
  return der(0x30, oid('551d11'), der(0x04, names));
}
