import type { ChildJob, SandboxChild } from './child-process.ts';
import { createCircuit } from './circuit.ts';
import type { Crew } from './crew.ts';
import { createFairQueue } from './fair-queue.ts';
import { librariesFor } from './guest-libraries.ts';
import { Isolation } from './job.ts';
import type { TransformJob, TransformOutcome } from './job.ts';
import type { SandboxLimits } from './limits.ts';
import { createPaceRecord } from './pace-record.ts';
import { judge } from './verdict.ts';
import type { Verdict } from './verdict.ts';

type Waiting = {
  readonly job: TransformJob;
  readonly key: string;
  readonly timeoutMs: number;
  readonly queuedAtMs: number;
  readonly resolve: (outcome: TransformOutcome) => void;
  readonly reject: (error: Error) => void;
  startedAtMs: number;
  faults: number;
};

/** The name under which a version is remembered; a space cannot occur in an id. */
export function versionKey({ tenant, transformationId, version }: TransformJob): string {
  return `${tenant} ${transformationId} ${version}`;
}

/** Decides who runs when, and settles each job once. */
export class Scheduler {
  readonly circuit: ReturnType<typeof createCircuit>;
  readonly #limits: SandboxLimits;
  readonly #atOnce: number;
  readonly #crew: Crew;
  readonly #queue = createFairQueue<Waiting>();
  readonly #pace: ReturnType<typeof createPaceRecord>;
  #running = 0;
  #runningUnproven = 0;
  #lastId = 0;
  #closed = false;

  constructor({ limits, atOnce, crew }: { limits: SandboxLimits; atOnce: number; crew: Crew }) {
    this.#limits = limits;
    this.#atOnce = atOnce;
    this.#crew = crew;
    this.#pace = createPaceRecord(limits);
    this.circuit = createCircuit({ kills: limits.circuitKills, windowMs: limits.circuitWindowMs });
  }

  submit(job: TransformJob): Promise<TransformOutcome> {
    const { defaultTimeoutMs, maxTimeoutMs } = this.#limits;
    const timeoutMs = Math.min(Math.max(1, job.timeoutMs ?? defaultTimeoutMs), maxTimeoutMs);
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error('The sandbox is closed.'));
        return;
      }
      const now = performance.now();
      const times = { queuedAtMs: now, startedAtMs: now };
      const key = versionKey(job);
      this.#queue.push(placeOf(job), { job, key, timeoutMs, ...times, resolve, reject, faults: 0 });
      this.dispatch();
    });
  }

  /** Starts what may start; called whenever a job came, ended, or a child got ready. */
  dispatch(): void {
    while (this.#running < this.#atOnce && this.#crew.idleCount > 0) {
      const waiting = this.#queue.take((candidate) => this.#mayStart(candidate));
      if (waiting === undefined) return;
      const child = this.#crew.take();
      if (child === undefined) return this.#queue.pushFirst(placeOf(waiting.job), waiting);
      void this.#runOn(child, waiting);
    }
  }

  /** Rejects everything that waits. */
  rejectWaiting(error: Error): void {
    for (const waiting of this.#queue.drain()) waiting.reject(error);
  }

  close(): void {
    this.#closed = true;
    this.rejectWaiting(new Error('The sandbox is closed.'));
  }

  #mayStart({ key }: Waiting): boolean {
    return this.#pace.isQuick(key) || this.#runningUnproven < Math.max(1, this.#atOnce - 1);
  }

  async #runOn(child: SandboxChild, waiting: Waiting): Promise<void> {
    const isUnproven = !this.#pace.isQuick(waiting.key);
    this.#running++;
    if (isUnproven) this.#runningUnproven++;
    waiting.startedAtMs = performance.now();
    const job = this.#childJob(waiting);
    const reply = await child.run(job);
    const { outputBytes } = this.#limits;
    const verdict = judge(reply, { id: job.head.id, outputBytes });
    this.#running--;
    if (isUnproven) this.#runningUnproven--;
    this.#pace.record(waiting.key, performance.now() - waiting.startedAtMs);
    this.#crew.giveBack(child, { retire: reply.kind === 'ended' || verdict.retireChild });
    this.#conclude(waiting, verdict);
    this.dispatch();
  }

  #childJob({ job, key, timeoutMs }: Waiting): ChildJob {
    const head = {
      id: ++this.#lastId,
      timeoutMs,
      keepAs: job.isolation === Isolation.Fast ? key : null,
      libraries: librariesFor(job.code),
    };
    const { code, input } = job;
    const killAfterMs = timeoutMs + this.#limits.killGraceMs;
    return { head, code, input, env: JSON.stringify(job.env), killAfterMs };
  }

  #conclude(waiting: Waiting, verdict: Verdict): void {
    if (this.#closed && verdict.costChild) {
      waiting.reject(new Error('The sandbox is closed.'));
      return;
    }
    // Once: a job whose children die twice is treated as the cause, so that it cannot go round for ever.
    if (verdict.isFault && waiting.faults === 0) {
      waiting.faults++;
      // The second try is for a child that was started after the first failed, and has shown that it lives.
      this.#crew.renew();
      this.#queue.pushFirst(placeOf(waiting.job), waiting);
      return;
    }
    if (verdict.costChild) this.circuit.recordKill(waiting.key, performance.now());
    const { result, logs, logLevel } = verdict;
    const durationMs = verdict.durationMs ?? performance.now() - waiting.startedAtMs;
    const queueMs = waiting.startedAtMs - waiting.queuedAtMs;
    waiting.resolve({ ...result, logs, logLevel, durationMs, queueMs });
  }
}

function placeOf({ tenant, transformationId }: TransformJob): { tenant: string; lane: string } {
  return { tenant, lane: transformationId };
}
