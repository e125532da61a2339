import { createAddressGuard } from '../egress/address-guard.ts';
import { createFetchDocument } from '../egress/fetch-document.ts';
import { createSender } from '../egress/send.ts';
import { createKeys } from '../verification/keys.ts';
import type { Keys } from '../verification/verifier.ts';
import { allowedCidrs, type Foundation } from './foundation.ts';

/** The outside world as verification sees it: keys and certificates, and addresses that confirm a subscription. */
export type VerificationNetwork = {
  keys: Keys;
  confirm(url: string): Promise<void>;
  close(): Promise<void>;
};

const MAX_BYTES = 65_536;
const CONFIRM_WITHIN_MS = 5_000;

export function openVerificationNetwork(foundation: Foundation): VerificationNetwork {
  const guard = createAddressGuard({ allowCidrs: allowedCidrs(foundation) });
  const sender = createSender({ guard, keptBodyBytes: MAX_BYTES + 1 });
  const fetchDocument = createFetchDocument(sender);
  return {
    keys: createKeys({ fetchDocument }),
    async confirm(url) {
      try {
        await fetchDocument(url, { maxBytes: MAX_BYTES, timeoutMs: CONFIRM_WITHIN_MS });
      } catch (error) {
        foundation.log.warn({ error, host: new URL(url).host }, 'A subscription was not confirmed');
      }
    },
    close: () => sender.close(),
  };
}
