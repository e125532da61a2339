import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

const SCRIPT = `
  const { createServer } = require('node:http');
  const { parentPort, workerData } = require('node:worker_threads');
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      parentPort.postMessage('received');
      setTimeout(() => response.end('ok'), workerData.answerAfterMs);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

/** A receiver with a thread of its own, which goes on while the test's stands still. */
export async function spawnReceiver({ answerAfterMs }: { answerAfterMs: number }) {
  const worker = new Worker(SCRIPT, { eval: true, workerData: { answerAfterMs } });
  onTestFinished(async () => void (await worker.terminate()));
  const [port] = (await once(worker, 'message')) as [number];
  const received = once(worker, 'message');
  received.catch(() => {});
  return { url: `http://127.0.0.1:${port}/`, received: () => received };
}
