import { Webhook } from 'standardwebhooks';
import type { Received } from './receiver.ts';

/** Whether a receiver that holds this secret accepts a delivery, by the Standard Webhooks library. */
export function isSignedWith(secret: string, { body, headers }: Received): boolean {
  try {
    new Webhook(secret).verify(body.toString(), headers);
    return true;
  } catch {
    return false;
  }
}
