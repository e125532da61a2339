import { eventData } from '../domain/schema/event.ts';
import { payloadData, rawBody } from '../domain/schema/request.ts';
import { transformationExecution } from '../domain/schema/transformation-execution.ts';
import type { RequestDataRow } from '../db/request-reads.ts';
import type { ExecutionRow } from '../db/execution-reads.ts';
import { viewWholeExecution } from './admin/transformation-views.ts';
import { codeRequestOf } from './code-request.ts';
import { payloadDataOf, rawBodyOf, type Payload } from './payload.ts';

/** What is to be written as JSON; the bytes of a body may have lost their `Buffer` on the way. */
export type PayloadJob =
  | { kind: 'request'; payload: Payload }
  | {
      kind: 'event';
      payload: Payload;
      sent: { url: string; method: string; appended_headers: string[] };
    }
  | { kind: 'body'; body: Uint8Array }
  | { kind: 'execution'; row: ExecutionRow; original: RequestDataRow | null };

/** A payload as the API shows it, as the text of its JSON. */
export function payloadText(job: PayloadJob): string {
  return JSON.stringify(shown(job));
}

function shown(job: PayloadJob): unknown {
  switch (job.kind) {
    case 'request':
      return payloadData.parse(payloadDataOf(bytesAgain(job.payload)));
    case 'event':
      return eventData.parse({ ...payloadDataOf(bytesAgain(job.payload)), ...job.sent });
    case 'body':
      return rawBody.parse(rawBodyOf(bufferOf(job.body)));
    case 'execution': {
      const original = job.original && codeRequestOf(bytesAgain(job.original));
      return transformationExecution.parse(viewWholeExecution(job.row, original));
    }
  }
}

function bytesAgain<Row extends { body: Uint8Array | null }>(row: Row) {
  return { ...row, body: row.body && bufferOf(row.body) };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
