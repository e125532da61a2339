import { parentPort } from 'node:worker_threads';
import { isServing, type Question } from './temporal-health.ts';

parentPort?.on('message', ({ address, expected }: Question) => {
  void isServing(address, expected).then((answer) => parentPort?.postMessage(answer));
});
