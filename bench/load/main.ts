import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../child.ts';
import { nowUs } from '../clock.ts';
import { createStream, type StreamResult, type StreamSpec } from './stream.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

const methods = {
  /** Sends all streams side by side from `startUs` on; returns when every request has been answered or has failed. */
  async run({ specs, startUs }: { specs: StreamSpec[]; startUs: number }): Promise<StreamResult[]> {
    const streams = specs.map((spec) => createStream(spec, { agent, startUs }));
    while (streams.some((stream) => !stream.isSent())) {
      const atUs = nowUs();
      for (const stream of streams) stream.fireDue(atUs);
      await sleep(1);
    }
    while (streams.some((stream) => !stream.isSettled())) await sleep(5);
    return streams.map((stream) => stream.result());
  },
};

export type LoadMethods = typeof methods;

serve(methods);
