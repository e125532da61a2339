import { createHmac } from 'node:crypto';
import { decodeStrictly, sameBytes } from '../engine/decoders.ts';
import { activeSecrets, type Received, type Secret } from '../received.ts';
import { accepted, refused, VerificationReason, type Verdict } from '../verdict.ts';

/** What was signed with a shared secret, and the signature; null where it cannot be decoded. */
export type Mac = {
  algorithm: 'sha256' | 'sha512';
  content: string | Buffer;
  signature: Buffer | null;
  key?: 'utf8' | 'hex';
};

/** Compares with every valid secret, ending early for none. */
export function macMatches(
  received: Received,
  { secrets, mac }: { secrets: readonly Secret[]; mac: Mac },
): boolean {
  let matches = false;
  for (const { value } of activeSecrets(secrets, { atMs: received.receivedAtMs })) {
    const key = mac.key === 'hex' ? decodeStrictly(value, 'hex') : Buffer.from(value);
    if (key === null || mac.signature === null) continue;
    const expected = createHmac(mac.algorithm, key).update(mac.content).digest();
    matches = sameBytes(expected, mac.signature) || matches;
  }
  return matches;
}

/** The verdict where the signature says all there is to say. */
export function macVerdict(
  received: Received,
  { secrets, mac }: { secrets: readonly Secret[]; mac: Mac },
): Verdict {
  if (mac.signature === null)
    return refused(VerificationReason.MALFORMED, 'the signature cannot be decoded');
  return macMatches(received, { secrets, mac })
    ? accepted()
    : refused(VerificationReason.WRONG_SECRET_OR_BODY);
}
