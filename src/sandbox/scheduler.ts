import { mayHoldUnusualNumbers } from '../domain/numbers/parse.ts';
import type { Standing } from '../domain/standing.ts';
import type { ChildJob, SandboxChild } from './child-process.ts';
import { createCircuit } from './circuit.ts';
import type { Crew } from './crew.ts';
import { createFairQueue } from './fair-queue.ts';
import { librariesFor } from './guest-libraries.ts';
import { Isolation } from './job.ts';
import type { CodeVersion, TransformJob, TransformOutcome } from './job.ts';
import type { SandboxLimits } from './limits.ts';
import { createPaceRecord } from './pace-record.ts';
import { createSuspects } from './suspects.ts';
import { judge, refusedUnrun } from './verdict.ts';
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
export function versionKey({ tenant, transformationId, version }: CodeVersion): string {
  return `${tenant} ${transformationId} ${version}`;
}

/** Decides who runs when, and settles each job once. */
export class Scheduler {
  readonly circuit: ReturnType<typeof createCircuit>;
  readonly #limits: SandboxLimits;
  readonly #atOnce: number;
  readonly #crew: Crew;
  readonly #makeSuspectCrew: () => Crew;
  #suspectCrew: Crew | undefined;
  readonly #queue = createFairQueue<Waiting>();
  readonly #pace: ReturnType<typeof createPaceRecord>;
  readonly #suspects: ReturnType<typeof createSuspects>;
  #running = 0;
  #runningUnproven = 0;
  #lastId = 0;
  #closed = false;

  constructor({
    limits,
    atOnce,
    crew,
    makeSuspectCrew,
  }: {
    limits: SandboxLimits;
    atOnce: number;
    crew: Crew;
    makeSuspectCrew: () => Crew;
  }) {
    this.#makeSuspectCrew = makeSuspectCrew;
    this.#limits = limits;
    this.#atOnce = atOnce;
    this.#crew = crew;
    this.#pace = createPaceRecord(limits);
    this.#suspects = createSuspects({ rests: limits.suspectRests });
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

  standingOf(version: CodeVersion): Standing {
    const key = versionKey(version);
    if (this.#suspects.has(key)) return 'suspect';
    return this.#pace.isQuick(key) ? 'quick' : 'unproven';
  }

  /** Starts what may start; called whenever a job came, ended, or a child got ready. */
  dispatch(): void {
    // Most sandboxes never have one: the queue is not looked through for them.
    if (this.#suspectCrew) this.#refuseSuspects({ queuedForMs: this.#limits.suspectWaitMs });
    for (;;) {
      const waiting = this.#queue.take((candidate) => this.#mayStart(candidate));
      if (waiting === undefined) return;
      const crew = this.#crewFor(waiting);
      const child = crew.take();
      if (child === undefined) return this.#queue.pushFirst(placeOf(waiting.job), waiting);
      void this.#runOn(child, { waiting, crew });
    }
  }

  /** Rejects everything that waits. */
  rejectWaiting(error: Error): void {
    for (const waiting of this.#queue.drain()) waiting.reject(error);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.rejectWaiting(new Error('The sandbox is closed.'));
    await Promise.all([this.#crew.close(), this.#suspectCrew?.close()]);
  }

  #crewFor({ key }: Waiting): Crew {
    if (!this.#suspects.has(key)) return this.#crew;
    return (this.#suspectCrew ??= this.#makeSuspectCrew());
  }

  #mayStart(waiting: Waiting): boolean {
    const { key } = waiting;
    if (this.#crewFor(waiting).idleCount === 0) return false;
    if (this.#suspects.has(key)) return this.#suspects.mayStart(performance.now());
    if (this.#running >= this.#atOnce) return false;
    return this.#pace.isQuick(key) || this.#runningUnproven < Math.max(1, this.#atOnce - 1);
  }

  /** Ends suspects that have waited so long without running them: whoever waits for them must not wait for ever. */
  #refuseSuspects({ queuedForMs, version }: { queuedForMs: number; version?: string }): void {
    const queuedBeforeMs = performance.now() - queuedForMs;
    const isLate = ({ key, queuedAtMs }: Waiting) =>
      queuedAtMs <= queuedBeforeMs && this.#suspects.has(key) && key === (version ?? key);
    for (let late = this.#queue.take(isLate); late; late = this.#queue.take(isLate)) {
      this.#conclude(late, { verdict: refusedUnrun(), crew: this.#crewFor(late) });
    }
  }

  async #runOn(
    child: SandboxChild,
    { waiting, crew }: { waiting: Waiting; crew: Crew },
  ): Promise<void> {
    waiting.startedAtMs = performance.now();
    const isSuspect = this.#suspects.has(waiting.key);
    const leave = isSuspect ? this.#enterAsSuspect() : this.#enter(waiting);
    const job = this.#childJob(waiting);
    const reply = await child.run(job);
    const { outputBytes } = this.#limits;
    const verdict = judge(reply, { id: job.head.id, outputBytes });
    const tookMs = performance.now() - waiting.startedAtMs;
    leave(tookMs);
    const tookChild = verdict.costChild || verdict.retireChild;
    this.#pace.record(waiting.key, tookChild ? Infinity : tookMs);
    const ranOut = tookMs >= waiting.timeoutMs;
    this.#suspects.record(waiting.key, ranOut);
    if (isSuspect && ranOut) {
      const { suspectPatienceMs: queuedForMs } = this.#limits;
      this.#refuseSuspects({ queuedForMs, version: waiting.key });
    }
    crew.giveBack(child, { retire: reply.kind === 'ended' || verdict.retireChild });
    this.#conclude(waiting, { verdict, crew });
    this.dispatch();
  }

  #enter({ key }: Waiting): (tookMs: number) => void {
    const isUnproven = !this.#pace.isQuick(key);
    this.#running++;
    if (isUnproven) this.#runningUnproven++;
    return () => {
      this.#running--;
      if (isUnproven) this.#runningUnproven--;
    };
  }

  #enterAsSuspect(): (tookMs: number) => void {
    this.#suspects.started();
    return (tookMs) => {
      const restMs = this.#suspects.ended({ nowMs: performance.now(), tookMs });
      // A timer may be a moment early.
      setTimeout(() => this.dispatch(), Math.ceil(restMs) + 1).unref();
    };
  }

  #childJob({ job, key, timeoutMs }: Waiting): ChildJob {
    const head = {
      id: ++this.#lastId,
      timeoutMs,
      keepAs: job.isolation === Isolation.Fast ? key : null,
      hasUnusualNumbers: mayHoldUnusualNumbers(job.input),
      libraries: librariesFor(job.code),
    };
    const { code, input } = job;
    const killAfterMs = timeoutMs + this.#limits.killGraceMs;
    return { head, code, input, env: JSON.stringify(job.env), killAfterMs };
  }

  #conclude(waiting: Waiting, { verdict, crew }: { verdict: Verdict; crew: Crew }): void {
    if (this.#closed && verdict.costChild) {
      waiting.reject(new Error('The sandbox is closed.'));
      return;
    }
    // Once: a job whose children die twice is treated as the cause, so that it cannot go round for ever.
    if (verdict.isFault && waiting.faults === 0) {
      waiting.faults++;
      // The second try is for a child that was started after the first failed, and has shown that it lives.
      crew.renew();
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
