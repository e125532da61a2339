import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Keeps secrets: what `seal` made only `open` with the same key and the same `context` reads. */
export type Sealer = {
  seal(value: unknown, context: string): Buffer;
  open(sealed: Buffer, context: string): unknown;
};

/** What was sealed cannot be opened: with another key, for another place, or not whole. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with a random 96-bit IV (NIST SP 800-38D). `secret` is any text of high entropy.
 * `context` (project, table, row) is authenticated, so that a sealed value cannot be moved to another row.
 */
export function createSealer(secret: string): Sealer {
  const key = createHash('sha256').update('sluice/sealing/1').update(secret).digest();
  return {
    seal(value, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), iv, cipher.getAuthTag(), text]);
    },
    open(sealed, context) {
      if (sealed[0] !== VERSION) throw new SealError(`Unknown version ${sealed[0]}`);
      const iv = sealed.subarray(1, 1 + IV_BYTES);
      const tag = sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES);
      const content = sealed.subarray(1 + IV_BYTES + TAG_BYTES);
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
          .setAAD(Buffer.from(context))
          .setAuthTag(tag);
        const text = Buffer.concat([decipher.update(content), decipher.final()]);
        return JSON.parse(text.toString('utf8'));
      } catch (error) {
        throw new SealError('A sealed value does not open with this key', { cause: error });
      }
    },
  };
}
