import { z } from 'zod';
import { secretText } from '../auth-fields.ts';
import { pairs, plugin, provider, signed, stamped, type ProviderTable } from './define.ts';
import { ids } from './ids/payments.ts';

/** Accounting, identity, bank data. */
export const accounting = {
  XERO: provider('Xero', signed('header:x-xero-signature', { encoding: 'base64' }), {
    unverifiedStatus: 401,
    inline: true,
    handshake: 'xero',
    answer: { status: 200, contentType: 'text/plain', body: '' },
    note: 'The intent to receive wants 200 for a good signature and 401 for a bad one.',
  }),
  QUICKBOOKS: provider('QuickBooks', signed('header:intuit-signature', { encoding: 'base64' }), {
    note: 'The secret is the verifier token.',
  }),
  EXACT_ONLINE: provider('Exact Online', plugin('exact-online'), {
    note: 'Registration posts an empty body and wants success.',
  }),
  PERSONA: provider(
    'Persona',
    signed('header:persona-signature', {
      layout: pairs('v1', { groups: ' ' }),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 's'),
    }),
    { idempotency: ids.PERSONA },
  ),
  AIPRISE: provider('AiPrise', signed('header:x-hmac-signature'), {
    note: 'The secret is the API key.',
  }),
  PLAID: provider('Plaid', plugin('plaid'), {
    fields: {
      environment: z.enum(['sandbox', 'production']).default('production'),
      client_id: z.string().min(1).max(256),
      client_secret: secretText,
    },
    secretField: null,
    note: 'A token with the digest of the body, five minutes old at most.',
  }),
} satisfies ProviderTable;
