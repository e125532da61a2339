import { parentPort } from 'node:worker_threads';
import { payloadText, type PayloadJob } from './payload-text.ts';

/** What the thread is asked, and what it answers. */
export type Asked = { id: number; job: PayloadJob };
export type Answered =
  { id: number; text: Uint8Array<ArrayBuffer> } | { id: number; fault: string };

parentPort?.on('message', ({ id, job }: Asked) => {
  const answered = answer(id, job);
  parentPort?.postMessage(answered, 'text' in answered ? [answered.text.buffer] : []);
});

function answer(id: number, job: PayloadJob): Answered {
  try {
    return { id, text: new TextEncoder().encode(payloadText(job)) };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error) };
  }
}
