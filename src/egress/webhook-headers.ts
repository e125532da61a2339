import { isWebhookHeader } from '../domain/header-names.ts';
import type { Header } from '../domain/outcome.ts';
import { WebhookHeaders } from '../domain/status.ts';

type Choice = { mode: WebhookHeaders; received: readonly Header[]; prefix: string };

/** Whether the sender's own Standard Webhooks headers go out under their names, unchanged. */
export function passesSenders({ mode, received }: Omit<Choice, 'prefix'>): boolean {
  return mode === WebhookHeaders.PassThrough && received.some(([name]) => isWebhookHeader(name));
}

/**
 * What is added for Standard Webhooks: `own` under their plain names, with the sender's kept as
 * `<prefix>-original-webhook-id` and so on; or, where the sender's pass through, `own` as `<prefix>-webhook-id`
 * and so on. Either way a receiver can verify the original sender and Sluice.
 */
export function addedWebhookHeaders(choice: Choice, own: readonly Header[]): Header[] {
  const { prefix, received } = choice;
  if (passesSenders(choice)) return own.map(([name, value]) => [`${prefix}-${name}`, value]);
  const originals = received
    .filter(([name]) => isWebhookHeader(name))
    .map(([name, value]): Header => [`${prefix}-original-${name.toLowerCase()}`, value]);
  return [...originals, ...own];
}
