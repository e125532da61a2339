import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { ChildSettings, JobHead, ReplyHead } from './child/protocol.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import type { Programs } from './guest-libraries.ts';

/** Why a child ended: by our hand for time or memory, because it was no longer wanted, or by itself. */
export type ChildEnd = {
  readonly cause: 'overrun' | 'resident' | 'retired' | 'self';
  readonly signal: string | null;
  readonly code: number | null;
  readonly stderr: string;
};
export type ChildReply =
  | { readonly kind: 'reply'; readonly head: ReplyHead; readonly report: string }
  | { readonly kind: 'ended'; readonly end: ChildEnd };
export type ChildJob = {
  readonly head: JobHead;
  readonly code: string;
  readonly input: string;
  readonly env: string;
  readonly killAfterMs: number;
};
export type ChildOptions = {
  readonly wrapper: readonly string[];
  readonly programs: Programs;
  readonly settings: ChildSettings;
  readonly isolatedVm: string;
  readonly residentBytes: number;
};

const NODE_FLAGS = [
  '--no-node-snapshot',
  '--jitless',
  '--max-old-space-size=64',
  // Compiles our own programs whole, so that their cached bytecode is: a sixth less per event.
  '--no-lazy',
  '--no-warnings',
  '--input-type=commonjs',
];
const PAGE_BYTES = 4_096;
// An output of 1 MB escaped at its worst, logs, and room; more than this no honest child sends.
const MAX_REPLY_BYTES = 16 * 1024 * 1024;

function spawnChild({ wrapper, isolatedVm }: ChildOptions): ChildProcess {
  const [command, ...rest] = [...wrapper, process.execPath, ...NODE_FLAGS, '-', isolatedVm];
  return spawn(command ?? process.execPath, rest, {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  });
}

/** One child of the pool: a process, its pipe, and the one job it may have. */
export class SandboxChild {
  readonly bornAtMs = performance.now();
  readonly ready: Promise<boolean>;
  readonly ended: Promise<ChildEnd>;
  jobsDone = 0;

  readonly #process: ChildProcess;
  readonly #pipe: Duplex;
  readonly #residentBytes: number;
  #stderr = '';
  #end: ChildEnd | undefined;
  #cause: ChildEnd['cause'] = 'self';
  #killAtMs = Number.POSITIVE_INFINITY;
  #answer: ((reply: ChildReply) => void) | undefined;

  constructor(options: ChildOptions) {
    this.#residentBytes = options.residentBytes;
    this.#process = spawnChild(options);
    // stdio above makes all of these streams, whether or not the program then starts.
    const [source, , errors, pipe] = this.#process.stdio as unknown as [
      Writable,
      null,
      Readable,
      Duplex,
    ];
    this.#pipe = pipe;
    this.ended = this.#watchEnd();
    this.ready = this.#handshake();
    for (const stream of [source, errors, pipe]) stream.on('error', () => undefined);
    errors.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-2_000);
    });
    const read = createFrameReader(MAX_REPLY_BYTES);
    pipe.on('data', (chunk: Buffer) => this.#receive(() => read(chunk)));
    source.end(options.programs.child);
    const { prelude, libraries } = options.programs;
    const texts = [JSON.stringify(options.settings), prelude, ...Object.entries(libraries).flat()];
    pipe.write(encodeFrame(texts));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async #watchEnd(): Promise<ChildEnd> {
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      // A program that does not start has no exit to wait for.
      this.#process.once('error', (error) => {
        this.#stderr += error.message;
        if (this.#process.pid === undefined) resolve([null, null]);
      });
      this.#process.once('exit', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
    });
    this.#end = { cause: this.#cause, signal, code, stderr: this.#stderr.trim() };
    this.#pipe.destroy();
    this.#settle({ kind: 'ended', end: this.#end });
    return this.#end;
  }

  async #handshake(): Promise<boolean> {
    const first = await this.#nextReply();
    return first.kind === 'reply' && first.head.verdict === 'ready';
  }

  #nextReply(): Promise<ChildReply> {
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  #settle(reply: ChildReply): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#killAtMs = Number.POSITIVE_INFINITY;
    answer?.(reply);
  }

  #receive(read: () => string[][]): void {
    try {
      for (const [head = '', report = ''] of read()) {
        if (this.#answer === undefined) throw new Error('Nobody asked.');
        this.#settle({ kind: 'reply', head: JSON.parse(head) as ReplyHead, report });
      }
    } catch {
      // A child that does not keep to the protocol is not ours any more.
      this.kill('overrun');
    }
  }

  /** Runs one job; resolves with the child's reply or with how the child ended. */
  async run({ head, code, input, env, killAfterMs }: ChildJob): Promise<ChildReply> {
    if (this.#end !== undefined) return { kind: 'ended', end: this.#end };
    this.#killAtMs = performance.now() + killAfterMs;
    const reply = this.#nextReply();
    this.#pipe.write(encodeFrame([JSON.stringify(head), code, input, env]));
    const answer = await reply;
    if (answer.kind === 'reply') this.jobsDone++;
    return answer;
  }

  /** Called every few milliseconds while a job runs: ends a child over its time or its memory. */
  inspect(nowMs: number): void {
    if (this.#end !== undefined || this.#answer === undefined) return;
    if (nowMs >= this.#killAtMs) this.kill('overrun');
    else if (this.#resident() > this.#residentBytes) this.kill('resident');
  }

  #resident(): number {
    try {
      const statm = readFileSync(`/proc/${this.pid}/statm`, 'latin1');
      return Number(statm.split(' ')[1]) * PAGE_BYTES;
    } catch {
      return 0;
    }
  }

  kill(cause: ChildEnd['cause']): void {
    if (this.#cause === 'self') this.#cause = cause;
    this.#process.kill('SIGKILL');
  }
}
