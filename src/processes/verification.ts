import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceConfig } from '../domain/schema/source.ts';
import { gatewayNow } from '../db/clock.ts';
import { createFetchDocument } from '../egress/fetch-document.ts';
import { createSender } from '../egress/send.ts';
import { schemaProblem } from '../verification/schema-check.ts';
import { validateSourceConfig } from '../verification/source-config.ts';
import { isSourceType } from '../verification/source-types.ts';
import { createKeys } from '../verification/keys.ts';
import type { Keys } from '../verification/verifier.ts';
import type { Foundation } from './foundation.ts';
import { openGuard } from './guard.ts';

/** The outside world as verification sees it: keys and certificates, and addresses that confirm a subscription. */
export type VerificationNetwork = {
  keys: Keys;
  confirm(url: string): Promise<boolean>;
  close(): Promise<void>;
};

const MAX_BYTES = 65_536;
const CONFIRM_WITHIN_MS = 5_000;
const CONFIRM_AFTER_MS = [0, 2_000, 10_000];

export function openVerificationNetwork(foundation: Foundation): VerificationNetwork {
  const sender = createSender({ guard: openGuard(foundation), keptBodyBytes: MAX_BYTES + 1 });
  const fetchDocument = createFetchDocument(sender);
  return {
    keys: createKeys({ fetchDocument, now: gatewayNow }),
    async confirm(url) {
      for (const waitMs of CONFIRM_AFTER_MS) {
        await sleep(waitMs, undefined, { ref: false });
        const problem = await problemOf(() =>
          fetchDocument(url, { maxBytes: MAX_BYTES, timeoutMs: CONFIRM_WITHIN_MS }),
        );
        if (problem === null) return true;
        foundation.log.warn(
          { error: problem, host: new URL(url).host },
          'A subscription was not confirmed',
        );
      }
      return false;
    },
    close: () => sender.close(),
  };
}

async function problemOf(fetch: () => Promise<{ status: number }>): Promise<unknown> {
  try {
    const { status } = await fetch();
    return status >= 200 && status <= 299 ? null : new Error(`The address answered ${status}`);
  } catch (error) {
    return error;
  }
}

type Checked =
  { ok: true } | { ok: false; errors: { path: string | (string | number)[]; message: string }[] };

/** Says whether a source can be saved: as its type demands, and with a schema that can be used. */
export function validateSource(type: string, source: unknown): Checked {
  if (!isSourceType(type)) return { ok: true };
  const check = validateSourceConfig(type, source);
  if ('errors' in check) return { ok: false, errors: check.errors };
  const { schema } = source as SourceConfig;
  const problem = schema ? schemaProblem(schema) : null;
  if (problem === null) return { ok: true };
  const path = ['schema', 'json_schema', ...problem.path];
  return { ok: false, errors: [{ path, message: problem.message }] };
}
